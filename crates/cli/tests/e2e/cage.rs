//! The cage, through the real gateway: what a command must not be able to do, each with a neighbour that it can.

use serde_json::{Value, json};

use crate::caged::{Caged, PLANTED, is_running};

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
        format!("{home}/gateway.toml"),
        format!("{home}/.config/toolfront/config.toml"),
        format!("{home}/other/notes.txt"),
        "/root".to_owned(),
        "/home".to_owned(),
        "/etc/shadow".to_owned(),
        "/var/log".to_owned(),
    ] {
        assert!(std::path::Path::new(&path).exists(), "{path}: nothing is refused that is not there");
        caged.can_not(&format!("cat {path} || ls {path}/"));
    }
    // What is seen of other processes, if anything, is neither the gateway's environment nor its files.
    let pid = caged.server.pid();
    let seen = caged.shell("cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'; true");
    assert!(!seen["stdout"].as_str().unwrap().contains(PLANTED), "{seen}");
    let launcher = caged.launcher();
    for process in [pid, launcher, 1] {
        for part in
            ["environ", "maps", "mem", "fd/0", "root/etc/passwd", "task/*/environ", "cwd/proc/version"]
        {
            caged.can_not(&format!("cat /proc/{process}/{part}"));
        }
        caged.can_not(&format!("ls /proc/{process}/fd/"));
    }
    caged.can("cat /proc/self/environ /proc/self/maps > /dev/null && ls /proc/self/fd/");
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
    for (family, kind) in [(2, 1), (2, 2), (10, 1), (10, 2), (16, 3), (1, 1)] {
        let reply = caged.perl(&format!("print socket(my $s, {family}, {kind}, 0) ? 'made' : 'refused'"));
        assert_eq!(reply["stdout"], "refused", "{family}, {kind}: {reply}");
    }
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

/// It is a pair without a name, of which no command has an end: what is left is making a socket, or taking the end of
/// another process.
#[test]
fn a_command_has_no_way_to_the_launchers_socket() {
    let caged = Caged::start();
    let launcher = caged.launcher();
    let socket = |family: u32| format!("print socket(my $s, {family}, 1, 0) ? 'made' : $! + 0");
    assert_eq!(caged.perl(&socket(2))["stdout"], "made");
    assert_eq!(caged.perl(&socket(1))["stdout"], "1");
    let pair = caged.perl("print socketpair(my $a, my $b, 1, 1, 0) ? 'made' : $! + 0");
    assert_eq!(pair["stdout"], "made", "a pair reaches nobody else: {pair}");
    for process in [caged.server.pid(), launcher] {
        let sockets = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().filter_map(|entry| {
            let path = entry.unwrap().path();
            std::fs::read_link(&path).ok()?.to_str()?.starts_with("socket:").then_some(path)
        });
        let sockets: Vec<_> = sockets.collect();
        assert!(!sockets.is_empty(), "process {process} has sockets");
        for path in sockets {
            caged.can_not(&format!("exec 3<> {}", path.display()));
        }
        // pidfd_open and pidfd_getfd, of whatever numbers.
        let taken = caged
            .perl(&format!("my $p = syscall(434, {process}, 0); print $p < 0 ? -1 : syscall(438, $p, 0, 0)"));
        assert_eq!(taken["stdout"], "-1", "{taken}");
    }
}

#[test]
fn a_command_traces_neither_the_gateway_nor_another_command() {
    let caged = Caged::start();
    let (client, token) = (caged.server.client(), caged.token.clone());
    let body = json!({ "command": ["sh", "-c", "sleep 2; echo unharmed"] }).to_string();
    let other = std::thread::spawn(move || client.send("POST", "/e/other", &token, &body));
    let number = if cfg!(target_arch = "x86_64") { 101 } else { 117 };
    let (gateway, launcher) = (caged.server.pid(), caged.launcher());
    // PTRACE_ATTACH and PTRACE_SEIZE, of the gateway, the launcher and its slots, and of every number there may be
    // where commands have processes of their own.
    let script = format!(
        "for my $pid ({gateway}, {launcher}, $$ - 1, 1 .. 400) {{ for my $how (16, 0x4206) {{ \
           print \"$pid \" if syscall({number}, $how, $pid, 0, 0) == 0 }} }} print 'none else'"
    );
    for _ in 0..3 {
        assert_eq!(caged.perl(&script)["stdout"], "none else");
    }
    // The neighbour: a command signals what it started itself.
    let own = "my $pid = fork // die; if (!$pid) { sleep 1; exit } print kill(0, $pid)";
    assert_eq!(caged.perl(own)["stdout"], "1");
    assert_eq!(other.join().unwrap().json()["stdout"], "unharmed\n");
    assert_eq!(caged.server.get("/healthz", "").status, 200);
}

#[test]
fn a_setuid_program_gives_a_command_nothing() {
    let home = crate::server::Home::new();
    let programs = home.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    for directory in [home.path(), &programs] {
        std::fs::set_permissions(directory, mode(0o755)).unwrap();
    }
    let program = programs.join("id");
    std::fs::copy("/usr/bin/id", &program).unwrap();
    std::fs::set_permissions(&program, mode(0o6755)).unwrap();
    let caged = Caged::start_with(&format!("[sandbox]\nread = [{:?}]\n", programs.display().to_string()));
    let own = caged.can("/usr/bin/id -u; /usr/bin/id -g");
    assert_eq!(caged.can(&format!("{0} -u; {0} -g", program.display())), own);
    assert!(!own.lines().any(|id| id == "0"), "{own}");
}

/// The values of the environment of `app` are with its commands, and with no other process however it was started.
#[test]
fn a_secret_is_with_its_command_and_with_no_other_process() {
    let caged = Caged::start();
    let value = "planted-with-the-command-0815";
    let put = json!({ "value": value }).to_string();
    let set = caged.server.send("PUT", "/api/v1/environments/app/secrets/PLANTED_SECRET", &caged.admin, &put);
    assert!((200..300).contains(&set.status), "{}", set.body);
    let span = "2.070414";
    let (client, token) = (caged.server.client(), caged.token.clone());
    let script = format!("printenv PLANTED_SECRET; exec sleep {span}");
    let body = json!({ "command": ["sh", "-c", script] }).to_string();
    let run = std::thread::spawn(move || client.send("POST", "/e/app", &token, &body));
    let processes = || {
        let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let paths = entries.map(|entry| entry.path()).filter(|path| path.join("cmdline").exists());
        let read = |path: &std::path::Path, file| std::fs::read(path.join(file)).unwrap_or_default();
        let all = paths.map(|path| (read(&path, "cmdline"), read(&path, "environ")));
        let has = |bytes: &[u8]| bytes.windows(value.len()).any(|window| window == value.as_bytes());
        all.map(|(title, variables)| (has(&title), has(&variables), title)).collect::<Vec<_>>()
    };
    let own = format!("sleep\0{span}\0").into_bytes();
    let mut seen = processes();
    while !seen.iter().any(|(_, _, title)| *title == own) {
        assert!(!run.is_finished(), "the command was not seen");
        seen = processes();
    }
    for (in_title, in_variables, title) in seen {
        let title = String::from_utf8_lossy(&title).into_owned();
        assert!(!in_title, "{title}");
        assert!(!in_variables || title.as_bytes() == own, "{title}");
    }
    assert_eq!(run.join().unwrap().json()["stdout"], "***\n");
}
