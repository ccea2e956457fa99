//! What a command tries that it must not be able to do, each beside what it may: real commands, as this user.
//!
//! A kernel that lacks a layer fails here. That is meant: it is not a machine to test this on.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;
use toolfront_sandbox::{Cage, CommandUsers, Finished, Network, Run, RunError};

use crate::workshop::{Workshop, allowed, commands, gone, is_root, open_directory, text};

/// A release with a file, and things beside it that permissions alone would let anybody read.
struct Scene {
    shop: Workshop,
    outside: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self::of(Workshop::new())
    }

    fn of(shop: Workshop) -> Self {
        let outside = open_directory(0o755);
        for (name, text) in [("gateway.db", "rows"), ("master.key", "key"), ("gateway.toml", "setting")] {
            fs::write(outside.path().join(name), text).unwrap();
            fs::set_permissions(outside.path().join(name), fs::Permissions::from_mode(0o666)).unwrap();
        }
        fs::write(shop.work().join("page.md"), "page\n").unwrap();
        Self { shop, outside }
    }

    fn order(&self, argv: &[&str]) -> Run {
        Run { cage: Cage::around(self.shop.work()), ..self.shop.order(allowed(argv, "20s")) }
    }

    async fn sh(&self, script: &str) -> Finished {
        self.shop.finish(self.order(&["sh", "-c", script])).await.unwrap()
    }

    /// Succeeds, and prints this.
    async fn may(&self, script: &str, printed: &str) {
        let finished = self.sh(script).await;
        let stderr = text(&finished.stderr.bytes);
        assert_eq!((finished.returncode, stderr), (0, ""), "{script}");
        assert_eq!(text(&finished.stdout.bytes), printed, "{script}");
    }

    /// Fails, and prints nothing.
    async fn may_not(&self, script: &str) {
        let finished = self.sh(script).await;
        assert_ne!(finished.returncode, 0, "{script}");
        assert_eq!(text(&finished.stdout.bytes), "", "{script}");
    }

    /// A system call by its number fails with this error (or succeeds, with 0).
    async fn call(&self, what: &str, number: i64, arguments: &str, errno: i32) {
        let script = format!("$! = 0; my $r = syscall({number}, {arguments}); print $r == -1 ? $! + 0 : 0");
        let finished = self.shop.finish(self.order(&["perl", "-e", &script])).await.unwrap();
        assert_eq!(
            text(&finished.stdout.bytes),
            errno.to_string(),
            "{what}: {}",
            text(&finished.stderr.bytes)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_layer_that_the_promise_rests_on_is_in_force() {
    let scene = Scene::new();
    let report = scene.shop.sandbox.report();
    assert!(report.is_full(), "{report:#?}");
    for layer in &report.layers {
        let only_as_root = ["own user", "own processes"].contains(&layer.name);
        assert!(layer.enforced || (only_as_root && !is_root()), "{layer:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_system_and_the_release_are_read_and_no_others() {
    let scene = Scene::new();
    scene.may("cat page.md", "page\n").await;
    scene.may("head -c 5 /etc/passwd", "root:").await;
    scene.may("cat /etc/hosts > /dev/null && ls /usr/bin > /dev/null && ls /usr/share > /dev/null", "").await;
    scene.may("date -d @0 +%Y; id -u > /dev/null; nproc > /dev/null", "1970\n").await;
    let outside = scene.outside.path().display().to_string();
    for path in ["gateway.db", "master.key", "gateway.toml"] {
        assert!(!fs::read_to_string(scene.outside.path().join(path)).unwrap().is_empty());
        scene.may_not(&format!("cat {outside}/{path}")).await;
        scene.may_not(&format!("ln -s {outside}/{path} $TMPDIR/link && cat $TMPDIR/link")).await;
        scene.may_not(&format!("ln {outside}/{path} $TMPDIR/link && cat $TMPDIR/link")).await;
    }
    for path in ["/root", "/home", "/", "/etc", "/var/lib", "/tmp", "/run", "/sys", "/dev", "/work", &outside]
    {
        scene.may_not(&format!("ls {path}")).await;
    }
    for path in ["/etc/shadow", "/etc/fstab", "/etc/machine-id", "/etc/sudoers", "/dev/kmsg", "/dev/mem"] {
        scene.may_not(&format!("cat {path}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_environments_release_and_another_runs_directory_are_out_of_reach() {
    let scene = Scene::new();
    let other = open_directory(0o755);
    fs::write(other.path().join("page.md"), "other\n").unwrap();
    let there = Run { cage: Cage::around(other.path()), ..scene.order(&["cat", "page.md"]) };
    let there = Run { directory: other.path().into(), ..there };
    assert_eq!(text(&scene.shop.finish(there).await.unwrap().stdout.bytes), "other\n");
    scene.may_not(&format!("cat {}/page.md", other.path().display())).await;

    let other_run =
        scene.shop.order(allowed(&["sh", "-c", "chmod 777 $HOME; echo $HOME > home; exec sleep 60"], "60s"));
    let other_run = scene.shop.sandbox.run(other_run);
    let tried = async {
        let home = scene.shop.written("home").await;
        scene.may_not(&format!("ls {home}")).await;
        scene.may_not(&format!("echo x > {home}/file")).await;
    };
    tokio::select! {
        _ = other_run => panic!("it does not end by itself"),
        () = tried => {}
    }
}

/// A run of `sh` in a release of its own, by the only slot that there is.
async fn sh_in(scene: &Scene, release: &Path, cage: Cage, script: &str) -> Finished {
    let run = Run { directory: release.into(), cage, ..scene.order(&["sh", "-c", script]) };
    scene.shop.finish(run).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_that_take_turns_in_a_slot_see_their_own_files_and_no_others() {
    let scene = Scene::new();
    // More of them than a slot keeps rules for.
    let releases: Vec<TempDir> = (0..6).map(|_| open_directory(0o755)).collect();
    for (number, release) in releases.iter().enumerate() {
        fs::write(release.path().join("page.md"), format!("{number}\n")).unwrap();
    }
    for turn in [0, 1, 0, 0, 1, 2, 3, 4, 5, 0, 5, 5, 4, 1, 2, 2, 0] {
        let own = releases[turn].path();
        let others = releases.iter().map(TempDir::path).filter(|path| *path != own);
        let others = others.map(|path| format!("{0}/page.md {0}", path.display())).collect::<Vec<_>>();
        let script = format!(
            "cat page.md; for each in {}; do cat $each && ls $each; done 2> /dev/null",
            others.join(" ")
        );
        let finished = sh_in(&scene, own, Cage::around(own), &script).await;
        assert_eq!(text(&finished.stdout.bytes), format!("{turn}\n"));
    }
    assert_eq!(scene.shop.private_directories(), 1, "one slot had them all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_takes_anothers_name_is_seen_and_the_one_that_had_it_is_not() {
    let scene = Scene::new();
    let around = open_directory(0o755);
    let (named, moved) = (around.path().join("current"), around.path().join("moved"));
    let make = |text: &str| {
        fs::create_dir(&named).unwrap();
        fs::set_permissions(&named, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(named.join("page.md"), text).unwrap();
    };
    let see = async |printed: &str| {
        let script = format!("cat page.md; cat {}/page.md 2> /dev/null", moved.display());
        let finished = sh_in(&scene, &named, Cage::around(&named), &script).await;
        assert_eq!(text(&finished.stdout.bytes), printed);
    };
    make("one\n");
    see("one\n").await;
    see("one\n").await;
    fs::rename(&named, &moved).unwrap();
    make("two\n");
    see("two\n").await;
    // The number of what is removed may be given to what comes after it.
    for number in 0..20 {
        let text = format!("{number}\n");
        fs::remove_dir_all(&named).unwrap();
        make(&text);
        see(&text).await;
    }
    fs::remove_dir_all(&named).unwrap();
    std::os::unix::fs::symlink(&moved, &named).unwrap();
    let finished = sh_in(&scene, &named, Cage::around(&named), "cat page.md").await;
    assert_eq!(text(&finished.stdout.bytes), "one\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_may_write_to_the_release_leaves_nothing_of_that_to_the_next() {
    let scene = Scene::new();
    let release = open_directory(0o777);
    let read_only = || Cage::around(release.path());
    let writable = || Cage { writable_release: true, ..read_only() };
    for _ in 0..3 {
        let wrote = sh_in(&scene, release.path(), writable(), "echo text > file && rm file").await;
        assert_eq!(wrote.returncode, 0, "{}", text(&wrote.stderr.bytes));
        let refused = sh_in(&scene, release.path(), read_only(), "echo text > file").await;
        assert_ne!(refused.returncode, 0);
    }
    assert_eq!(fs::read_dir(release.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_has_no_release_any_more_is_refused_and_the_next_one_runs() {
    let scene = Scene::new();
    scene.may("cat page.md", "page\n").await;
    let gone = scene.outside.path().join("gone");
    let nowhere = Run { cage: Cage::around(&gone), ..scene.order(&["true"]) };
    let error = scene.shop.finish(nowhere).await.unwrap_err();
    assert!(matches!(error, RunError::Cage { step: "landlock", .. }), "{error:?}");
    scene.may("cat page.md", "page\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_but_the_private_directory() {
    let scene = Scene::new();
    scene
        .may(
            "echo text > $TMPDIR/file && mkdir $HOME/d && mv $HOME/file $HOME/d/ && cat $HOME/d/file",
            "text\n",
        )
        .await;
    scene.may("echo text > /dev/null", "").await;
    let outside = scene.outside.path().display().to_string();
    let work = scene.shop.work().display().to_string();
    for directory in [work.as_str(), "/tmp", "/var/tmp", "/dev/shm", "/run", "/usr/local", "/etc", &outside] {
        scene.may_not(&format!("echo x > {directory}/escaped")).await;
        scene.may_not(&format!("mkdir {directory}/escaped")).await;
        scene.may_not(&format!("ln -s x {directory}/escaped")).await;
        assert!(!Path::new(directory).join("escaped").exists());
    }
    scene.may_not(&format!("echo x > {work}/page.md")).await;
    scene.may_not(&format!("rm {work}/page.md")).await;
    scene.may_not(&format!("truncate -s 0 {work}/page.md")).await;
    scene.may_not(&format!("truncate -s 0 {outside}/gateway.db")).await;
    scene.may_not(&format!("mv {work}/page.md $TMPDIR/")).await;
    assert_eq!(fs::read_to_string(scene.shop.work().join("page.md")).unwrap(), "page\n");
    assert_eq!(fs::read_to_string(scene.outside.path().join("gateway.db")).unwrap(), "rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_to_the_private_directory_cannot_be_executed() {
    let scene = Scene::new();
    scene.may("cp /bin/true $TMPDIR/true && cmp /bin/true $TMPDIR/true", "").await;
    scene.may_not("cp /bin/true $TMPDIR/true && $TMPDIR/true").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn proc_shows_a_command_itself_and_nobody_else() {
    let scene = Scene::new();
    let itself = scene.shop.finish(scene.order(&["cat", "/proc/self/comm"])).await.unwrap();
    assert_eq!(text(&itself.stdout.bytes), "cat\n");
    scene.may("grep -c ^MemTotal /proc/meminfo", "1\n").await;
    let gateway = std::process::id();
    let launcher = crate::workshop::children(&gateway.to_string()).remove(0);
    for process in ["1", &gateway.to_string(), &launcher, "$PPID"] {
        for file in ["environ", "cmdline", "maps", "mem", "status", "auxv", "fd/0", "fd/1"] {
            scene.may_not(&format!("head -c 1 /proc/{process}/{file} | grep -q .")).await;
        }
        scene.may_not(&format!("ls /proc/{process}/fd")).await;
        scene.may_not(&format!("ls /proc/{process}/root/")).await;
        scene.may_not(&format!("echo 1000 > /proc/{process}/oom_score_adj")).await;
    }
    if is_root() {
        scene.may("ps -e -o comm= | sort -u | tr '\\n' ' '", "ps sh sort tr ").await;
        scene.may("sh -c 'cat /proc/self/comm'", "cat\n").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_process_outside_the_run_can_be_signalled_or_traced() {
    let scene = Scene::new();
    scene.may("sleep 60 & kill -0 $! && kill -9 $! && echo killed", "killed\n").await;
    let gateway = std::process::id().to_string();
    let launcher = crate::workshop::children(&gateway).remove(0);
    let other = scene.shop.order(allowed(&["sh", "-c", "echo $$ > ready; exec sleep 60"], "60s"));
    let other = scene.shop.sandbox.run(other);
    let tried = async {
        let inner = scene.shop.written("ready").await;
        let others = commands();
        assert_eq!(others.len(), 1, "the other run is there");
        for process in [&gateway, &launcher, &others[0], "1", "$PPID"] {
            for signal in ["0", "TERM", "KILL"] {
                scene.may_not(&format!("kill -{signal} {process}")).await;
            }
        }
        scene.sh("kill -KILL -1").await;
        let target = others[0].parse::<u32>().unwrap();
        let attach = libc::PTRACE_ATTACH;
        scene.call("ptrace", libc::SYS_ptrace, &format!("{attach}, {target}, 0, 0"), libc::EPERM).await;
        scene.call("limits", libc::SYS_prlimit64, &format!("{gateway}, 7, 0, 0"), libc::EPERM).await;
        assert_eq!(commands(), others, "and still is");
        inner
    };
    let inner = tokio::select! {
        ended = other => panic!("it does not end by itself: {ended:?}"),
        inner = tried => inner,
    };
    gone(&inner).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_reach_into_the_kernel_are_denied() {
    let scene = Scene::new();
    scene.call("getpid, to show that calls work", libc::SYS_getpid, "0", 0).await;
    for (what, number, arguments) in [
        ("ptrace", libc::SYS_ptrace, "0, 0, 0, 0"),
        ("process_vm_readv", libc::SYS_process_vm_readv, "1, 0, 0, 0, 0, 0"),
        ("pidfd_getfd", libc::SYS_pidfd_getfd, "0, 0, 0"),
        ("kcmp", libc::SYS_kcmp, "1, 1, 0, 0, 0"),
        ("mount", libc::SYS_mount, "0, 0, 0, 0, 0"),
        ("umount", libc::SYS_umount2, "0, 0"),
        ("pivot_root", libc::SYS_pivot_root, "0, 0"),
        ("chroot", libc::SYS_chroot, "0"),
        ("fsopen", libc::SYS_fsopen, "0, 0"),
        ("open_tree", libc::SYS_open_tree, "0, 0, 0"),
        ("open_by_handle_at", libc::SYS_open_by_handle_at, "0, 0, 0"),
        ("unshare of a user namespace", libc::SYS_unshare, "0x10000000"),
        ("setns", libc::SYS_setns, "0, 0"),
        ("clone into a user namespace", libc::SYS_clone, "0x10000011, 0, 0, 0, 0"),
        ("clone into a network namespace", libc::SYS_clone, "0x40000011, 0, 0, 0, 0"),
        ("init_module", libc::SYS_init_module, "0, 0, 0"),
        ("kexec_load", libc::SYS_kexec_load, "0, 0, 0, 0"),
        ("bpf", libc::SYS_bpf, "0, 0, 0"),
        ("perf_event_open", libc::SYS_perf_event_open, "0, 0, 0, 0, 0"),
        ("userfaultfd", libc::SYS_userfaultfd, "1"),
        ("io_uring_setup", libc::SYS_io_uring_setup, "1, 0"),
        ("add_key", libc::SYS_add_key, "0, 0, 0, 0, 0"),
        ("keyctl", libc::SYS_keyctl, "0, 0, 0, 0, 0"),
        ("reboot", libc::SYS_reboot, "0, 0, 0, 0"),
        ("swapon", libc::SYS_swapon, "0, 0"),
        ("settimeofday", libc::SYS_settimeofday, "0, 0"),
        ("personality", libc::SYS_personality, "0x0400000"),
        ("syslog", libc::SYS_syslog, "10, 0, 0"),
        ("TIOCSTI", libc::SYS_ioctl, "0, 0x5412, 0"),
        ("priority of a user", libc::SYS_setpriority, "2, 0, 19"),
        ("a Unix socket", libc::SYS_socket, "1, 1, 0"),
        ("a packet socket", libc::SYS_socket, "17, 3, 0"),
        ("an audit socket", libc::SYS_socket, "16, 3, 9"),
        ("a vsock", libc::SYS_socket, "40, 1, 0"),
    ] {
        scene.call(what, number, arguments, libc::EPERM).await;
    }
    scene.call("clone3", libc::SYS_clone3, "0, 0", libc::ENOSYS).await;
    if cfg!(target_arch = "x86_64") {
        scene.call("the x32 interface", 0x4000_0000 | libc::SYS_getpid, "0", libc::ENOSYS).await;
    }
    scene.call("asking for the personality", libc::SYS_personality, "0xffffffff", 0).await;
    scene.call("a TCP socket", libc::SYS_socket, "2, 1, 0", 0).await;
    scene.call("a UDP socket", libc::SYS_socket, "10, 2, 0", 0).await;
    scene.call("a routing socket", libc::SYS_socket, "16, 3, 0", 0).await;
    scene.may("ls | sort | head -1 & wait; echo $(echo nested)", "page.md\nnested\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_and_mounts_are_out_of_reach_of_programs_too() {
    let scene = Scene::new();
    scene.may_not("unshare --user true").await;
    scene.may_not("unshare --mount true").await;
    scene.may_not("mount -t tmpfs none $TMPDIR").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setuid_program_gives_nothing() {
    let scene = Scene::new();
    let id = scene.shop.work().join("id");
    fs::copy("/usr/bin/id", &id).unwrap();
    fs::set_permissions(&id, fs::Permissions::from_mode(0o4755)).unwrap();
    let before = scene.sh("/usr/bin/id -u; /usr/bin/id -r -u").await;
    let after = scene.sh("./id -u; ./id -r -u").await;
    assert_eq!(after.returncode, 0, "{}", text(&after.stderr.bytes));
    assert!(!text(&after.stdout.bytes).lines().any(|id| id == "0"));
    if !is_root() {
        assert_eq!(before.stdout.bytes, after.stdout.bytes);
    }
    scene.may_not("su -c true").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_has_no_privileges_and_a_user_of_its_own() {
    let scene = Scene::new();
    let status = scene.shop.finish(scene.order(&["cat", "/proc/self/status"])).await.unwrap();
    let status = text(&status.stdout.bytes);
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), ("1", "2"));
    if is_root() {
        assert_eq!(field("CapBnd:"), "0000000000000000");
        let user = [(); 4].map(|()| crate::workshop::first_user().to_string()).join("\t");
        assert_eq!((field("Uid:"), field("Gid:")), (user.as_str(), user.as_str()));
        assert_eq!(field("Groups:"), "");
    }
    scene.may("umask; ulimit -c", "0077\n0\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sandboxes_at_the_same_time_have_different_users() {
    if !is_root() {
        return;
    }
    let of_a_free_range = || Workshop::with(|config| config.users = CommandUsers::default());
    let user = async |shop: &Workshop| {
        let finished = shop.script("id -u").await;
        text(&finished.stdout.bytes).trim().parse::<u32>().unwrap()
    };
    let shops = [(); 3].map(|()| of_a_free_range());
    let mut ranges = Vec::new();
    for shop in &shops {
        let first = user(shop).await;
        // The first slot's user is the range's first; all of them are within a thousand.
        assert!(ranges.iter().all(|other: &u32| other.abs_diff(first) >= 1000), "{first} and {ranges:?}");
        ranges.push(first);
    }
    // What was configured is what holds, and a range is free again once its sandbox is gone, with its slots.
    let configured =
        Workshop::with(|config| config.users = CommandUsers { first: Some(ranges[0]), count: 10 });
    assert_eq!(user(&configured).await, ranges[0]);
    let [_, _, last] = shops;
    let end = last.end();
    let path = format!("/run/toolfront/users-{}.lock", ranges[2]);
    let is_free = || std::fs::File::open(&path).unwrap().try_lock().is_ok();
    crate::workshop::eventually("the range is free again", is_free).await;
    drop(end);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_at_the_same_time_have_different_users() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    let (one, two) = tokio::join!(scene.sh("id -u; sleep 0.3"), scene.sh("id -u; sleep 0.3"));
    assert_ne!(one.stdout.bytes, two.stdout.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_network_nothing_is_reached_and_with_one_it_is() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for (protocol, script) in [("tcp", "exec 3<>/dev/tcp/"), ("udp", "exec 3<>/dev/udp/")] {
        let script = format!("{script}127.0.0.1/{port} && echo reached");
        for (network, printed) in [(Network::Outbound, "reached\n"), (Network::None, "")] {
            let mut run = scene.order(&["bash", "-c", &script]);
            run.cage.network = network;
            let finished = scene.shop.finish(run).await.unwrap();
            assert_eq!(text(&finished.stdout.bytes), printed, "{protocol} {network:?}");
        }
    }
    for family in [1, 2, 10, 16, 17] {
        let script = format!("print syscall({}, {family}, 1, 0) == -1 ? $! + 0 : 0", libc::SYS_socket);
        let mut run = scene.order(&["perl", "-e", &script]);
        run.cage.network = Network::None;
        let finished = scene.shop.finish(run).await.unwrap();
        assert_eq!(text(&finished.stdout.bytes), libc::EPERM.to_string(), "family {family}");
    }
    let mut pair =
        scene.order(&["perl", "-e", "use Socket; socketpair(A, B, AF_UNIX, SOCK_STREAM, 0) or die; print 1"]);
    pair.cage.network = Network::None;
    assert_eq!(text(&scene.shop.finish(pair).await.unwrap().stdout.bytes), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn unix_sockets_can_be_allowed() {
    let scene = Scene::of(Workshop::with(|config| config.unix_sockets = true));
    scene.call("a Unix socket", libc::SYS_socket, "1, 1, 0", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn further_places_are_read_when_the_configuration_says_so_and_never_written() {
    let place = open_directory(0o777);
    fs::write(place.path().join("file"), "further\n").unwrap();
    fs::copy("/bin/true", place.path().join("true")).unwrap();
    fs::set_permissions(place.path().join("true"), fs::Permissions::from_mode(0o755)).unwrap();
    let scene = Scene::of(Workshop::with(|config| config.extra_read = vec![place.path().into()]));
    let path = place.path().display();
    scene.may(&format!("cat {path}/file && {path}/true"), "further\n").await;
    scene.may_not(&format!("echo x > {path}/file")).await;
    let without = Scene::new();
    without.may_not(&format!("cat {path}/file")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_release_is_written_only_where_that_is_asked_for() {
    let scene = Scene::new();
    scene.may_not("echo x > new").await;
    let mut run = scene.order(&["sh", "-c", "echo x > new && cat new"]);
    run.cage.writable_release = true;
    assert_eq!(text(&scene.shop.finish(run).await.unwrap().stdout.bytes), "x\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_from_the_inside_finds_everything_as_it_should_be() {
    let scene = Scene::new();
    let hidden = [scene.outside.path().to_owned(), scene.outside.path().join("master.key")];
    let findings = scene.shop.sandbox.probe(scene.shop.work(), &hidden).await.unwrap();
    assert_eq!(findings.len(), 14);
    for finding in findings {
        assert_eq!(finding.allowed, finding.expected, "{finding:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_out_of_reach_cannot_be_changed_without_opening_them_either() {
    use std::os::unix::fs::MetadataExt;
    let scene = Scene::new();
    let (file, page) = (scene.outside.path().join("master.key"), scene.shop.work().join("page.md"));
    let state = |path: &Path| {
        let found = fs::metadata(path).unwrap();
        (found.mode(), found.uid(), found.mtime(), found.mtime_nsec())
    };
    for path in [&file, &page] {
        let before = state(path);
        let shown = path.display();
        for change in ["chmod 000", "chmod 777", "touch -d @0", "chgrp 12345", "setfattr -n user.x -v y"] {
            scene.sh(&format!("{change} {shown}")).await;
        }
        scene.sh(&format!("exec 3< {shown}; chmod 000 /proc/self/fd/3; perl -e 'open my $f, \"<\", \"{shown}\"; chmod 0, $f; utime 0, 0, $f'")).await;
        assert_eq!(state(path), before, "{shown}");
    }
    // And what copies files with their permissions and times still works.
    scene.may("cp -p page.md $TMPDIR/copy && tar cf $TMPDIR/a.tar page.md && cd $TMPDIR && tar xf a.tar && cat page.md", "page\n").await;
}
