//! The cage, through the real gateway: what a command must not be able to do, each with a neighbour that it can.

use serde_json::{Value, json};

use crate::caged::{Caged, PLANTED};
use crate::server::sleeping_as;

#[test]
fn a_command_reads_its_release_and_nothing_of_the_gateway_or_of_others() {
    let caged = Caged::start();
    assert_eq!(caged.can("cat notes.txt"), "notes of app\n");
    assert!(caged.can("cat \"$PWD/notes.txt\"; ls /usr/bin").contains("notes of app"));
    let other = caged.shell_in("other", "pwd")["stdout"].as_str().unwrap().trim().to_owned();
    assert_eq!(caged.shell_in("other", &format!("cat {other}/notes.txt"))["stdout"], "notes of other\n");
    let (home, data) = (caged.home.path().display(), caged.home.data());
    for path in [
        format!("{other}/notes.txt"),
        format!("{}/toolfront.db", data.display()),
        format!("{}/blobs", data.display()),
        format!("{}/secrets.key", data.display()),
        format!("{home}/.config/toolfront/config.toml"),
        format!("{home}/other/notes.txt"),
        "/root".to_owned(),
        "/home".to_owned(),
        "/etc/shadow".to_owned(),
        "/var/log".to_owned(),
    ] {
        caged.can_not(&format!("cat {path} || ls {path}/"));
    }
    // What is seen of other processes, if anything, is neither the gateway's environment nor its files.
    let pid = caged.server.pid();
    let seen = caged.shell("cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'; true");
    assert!(!seen["stdout"].as_str().unwrap().contains(PLANTED), "{seen}");
    for part in ["environ", "maps", "mem", "fd/0", "root/etc/passwd"] {
        caged.can_not(&format!("cat /proc/{pid}/{part}"));
    }
}

#[test]
fn a_command_writes_to_its_private_directory_and_nowhere_else() {
    let caged = Caged::start();
    assert_eq!(caged.can("echo here > \"$TMPDIR/a\" && cat \"$TMPDIR/a\""), "here\n");
    for place in [
        "README.md",
        "new.txt",
        "/tmp/toolfront-escape",
        "/var/tmp/toolfront-escape",
        "/dev/shm/toolfront-escape",
    ] {
        caged.can_not(&format!("echo x > {place}"));
    }
    caged.can_not(&format!("echo x > {}/toolfront.db", caged.home.data().display()));
    caged.can_not("chmod u+w README.md && echo x >> README.md");
    assert_eq!(caged.can("cat notes.txt"), "notes of app\n");
}

#[test]
fn a_command_reaches_neither_the_gateway_nor_the_kernel_by_other_ways() {
    let caged = Caged::start();
    let pid = caged.server.pid();
    assert_ne!(caged.can("id -u"), "0\n");
    caged.can_not(&format!("kill -0 {pid}"));
    caged.can_not(&format!("kill -9 {pid}"));
    for script in [
        "unshare -U true",
        "unshare -n true",
        "mount -t tmpfs none \"$TMPDIR\"",
        "su -c true",
        "chroot / true",
    ] {
        caged.can_not(script);
    }
    // No descriptor but the three, so no way to the launcher either: it has no path.
    assert_eq!(
        caged.can("for fd in /proc/self/fd/*; do [ -e $fd ] && echo ${fd##*/}; done | sort -n | head -3"),
        "0\n1\n2\n"
    );
    assert_eq!(caged.server.get("/healthz", "").status, 200);
}

/// The kernel's own ways round permissions: each answers that it is not permitted, or not there.
#[test]
fn a_command_is_refused_the_calls_that_no_tool_needs() {
    let caged = Caged::start();
    let calls: &[(&str, u32, u32)] = &[
        ("ptrace", 101, 117),
        ("add_key", 248, 217),
        ("keyctl", 250, 219),
        ("bpf", 321, 280),
        ("perf_event_open", 298, 241),
        ("userfaultfd", 323, 282),
        ("io_uring_setup", 425, 425),
        ("unshare", 272, 97),
        ("setns", 308, 268),
        ("process_vm_readv", 310, 270),
    ];
    for (name, on_x86_64, on_aarch64) in calls {
        let number = if cfg!(target_arch = "x86_64") { on_x86_64 } else { on_aarch64 };
        let reply = caged.perl(&format!("syscall({number}, 0, 0, 0, 0, 0); print $! + 0"));
        let errno = reply["stdout"].as_str().unwrap();
        assert!(errno == "1" || errno == "38", "{name}: {reply}");
    }
    // The neighbour: a call that every program makes.
    let number = if cfg!(target_arch = "x86_64") { 39 } else { 172 };
    let reply = caged.perl(&format!("print syscall({number}) == $$ ? 'same' : 'other'"));
    assert_eq!(reply["stdout"], "same", "{reply}");
}

#[test]
fn a_command_opens_so_many_files_and_no_more() {
    let caged = Caged::start();
    let reply = caged.perl(
        "my @files; while (open my $file, '<', '/dev/null') { push @files, $file } print scalar @files",
    );
    let opened: u32 = reply["stdout"].as_str().unwrap().parse().unwrap();
    assert!((16..1024).contains(&opened), "{opened}");
}

#[test]
fn a_command_ends_no_other_command() {
    let caged = Caged::start();
    let (client, token) = (caged.server.client(), caged.token.clone());
    let body = json!({ "command": ["sh", "-c", "sleep 2; echo unharmed"] }).to_string();
    let other = std::thread::spawn(move || client.send("POST", "/e/other", &token, &body));
    for _ in 0..5 {
        caged.shell("kill -9 -1; for pid in $(seq 2 400); do kill -9 $pid; done");
    }
    assert_eq!(other.join().unwrap().json()["stdout"], "unharmed\n");
    assert_eq!(caged.server.get("/healthz", "").status, 200);
}

#[test]
fn what_a_command_takes_is_bounded_and_the_gateway_goes_on() {
    let caged = Caged::start();
    let reply = caged.shell("yes");
    assert_eq!(
        (&reply["timed_out"], &reply["truncated"], &reply["returncode"]),
        (&true.into(), &true.into(), &124.into())
    );
    // Memory, the disk, processes.
    caged.can_not("tail /dev/zero");
    caged.can_not("dd if=/dev/zero of=\"$TMPDIR/full\" bs=1M count=4000");
    caged.shell("bomb() { bomb | bomb & }; bomb; sleep 1");
    assert_eq!(caged.can("cat notes.txt"), "notes of app\n");
    assert_eq!(caged.server.get("/healthz", "").status, 200);
}

#[test]
fn nothing_that_a_command_started_outlives_it() {
    let caged = Caged::start();
    let spans = ["31.070411", "31.070412", "31.070413"];
    caged.can(&format!(
        "sleep {} & setsid sleep {} & (setsid sh -c 'setsid sleep {} &' &); echo begun",
        spans[0], spans[1], spans[2]
    ));
    let is_running = |span: &str| {
        let words = format!("sleep\0{span}\0").into_bytes();
        let processes = std::fs::read_dir("/proc").unwrap();
        let mut commands =
            processes.filter_map(|process| std::fs::read(process.ok()?.path().join("cmdline")).ok());
        commands.any(|command| command == words)
    };
    for span in spans {
        let is_gone = (0..200).any(|_| {
            let gone = !is_running(span);
            if !gone {
                std::thread::sleep(std::time::Duration::from_millis(25));
            }
            gone
        });
        assert!(is_gone, "sleep {span} outlives its run");
    }
}

#[test]
fn without_a_network_a_command_connects_to_nothing() {
    let caged = Caged::start();
    let (host, port) = caged.server.address.rsplit_once(':').unwrap();
    let connect = format!("bash -c 'exec 3<>/dev/tcp/{host}/{port}'");
    caged.can(&connect);
    caged.patch(&json!({ "network": "none" }));
    caged.can_not(&connect);
    assert_eq!(caged.can("cat notes.txt"), "notes of app\n");
    let elsewhere = caged.shell_in("other", &connect);
    assert_eq!(elsewhere["returncode"], 0, "{elsewhere}");
    caged.patch(&json!({ "network": "outbound" }));
    caged.can(&connect);
}

#[test]
fn the_limits_of_an_environment_hold_for_its_commands_alone() {
    let caged = Caged::start();
    let patch = |limits: Value| caged.patch(&json!({ "limits": limits }));
    patch(json!({
        "memory_bytes": 64 << 20, "file_bytes": 4096, "open_files": 32, "cpu_seconds": 7, "timeout_seconds": 1,
    }));
    let script = "ulimit -d; ulimit -f; ulimit -n; ulimit -t";
    assert_eq!(caged.can(script), "65536\n8\n32\n7\n");
    assert_ne!(caged.shell_in("other", script)["stdout"], "65536\n8\n32\n7\n");
    caged.can_not("dd if=/dev/zero of=\"$TMPDIR/file\" bs=4097 count=1");
    caged.can("dd if=/dev/zero of=\"$TMPDIR/file\" bs=4096 count=1");
    assert_eq!(caged.shell("sleep 4")["timed_out"], true);
    assert_eq!(caged.shell_in("other", "sleep 2")["timed_out"], false);
    // With the least that can be set, commands begin still.
    patch(json!({ "memory_bytes": 16 << 20, "open_files": 16, "cpu_seconds": 1, "processes": 1 }));
    assert_eq!(caged.can("exec cat notes.txt"), "notes of app\n");
}

#[test]
fn the_limits_of_the_gateways_configuration_hold_for_all_commands_and_bound_those_of_environments() {
    let caged = Caged::start_with(
        "[limits]\nrun_memory_bytes_max = 67108864\nrun_file_bytes_max = 8192\nrun_open_files_max = 40\n\
         run_cpu_time_max = '9s'\nrun_processes_max = 20\n",
    );
    let script = "ulimit -d; ulimit -f; ulimit -n; ulimit -t";
    assert_eq!(caged.can(script), "65536\n16\n40\n9\n");
    caged.patch(&json!({ "limits": { "open_files": 20, "processes": 20 } }));
    assert_eq!(caged.can(script), "65536\n16\n20\n9\n");
    let more = json!({ "limits": { "processes": 21, "cpu_seconds": 10 } }).to_string();
    let refused = caged.server.send("PATCH", "/api/v1/environments/app", &caged.admin, &more);
    assert_eq!((refused.status, refused.json()["errors"].as_array().unwrap().len()), (422, 2));
    let processes = caged.can("bash -c 'ulimit -u'");
    assert_eq!(processes, "20\n");
}

#[test]
fn a_command_for_which_there_is_no_process_left_is_answered_as_one_to_try_again() {
    // One user for all commands, which has other processes: more than it may have.
    let first = 1_500_000_000 + std::process::id();
    let caged = Caged::start_with(&format!("[sandbox]\nfirst_user = {first}\nusers = 1\n"));
    let run = || caged.server.run_tool("app", &caged.token, &["sh", "-c", "exec echo begun"]);
    if caged.can("id -u") != format!("{first}\n") {
        // Without root commands run as the gateway's own user, whose processes are counted together beforehand.
        return;
    }
    caged.patch(&json!({ "limits": { "processes": 1 } }));
    assert_eq!(run().json()["stdout"], "begun\n");
    let mut others = [(); 2].map(|()| sleeping_as(first));
    let refused = run();
    for other in &mut others {
        other.kill().unwrap();
        other.wait().unwrap();
    }
    assert_eq!((refused.status, &refused.json()["type"]), (503, &json!("/problems/unavailable")));
    assert!(refused.head.to_lowercase().contains("retry-after: 1"), "{}", refused.head);
    assert!(refused.json()["detail"].as_str().unwrap().contains("for want of processes"), "{}", refused.body);
    assert_eq!(run().json()["stdout"], "begun\n");
}
