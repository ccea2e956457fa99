//! What a command finds around it: environment, directories, descriptors, process group.

use std::collections::BTreeMap;
use std::os::fd::AsRawFd;
use std::path::Path;

use toolfront_sandbox::{
    DEFAULT_PATH, Finished, Sandbox, SandboxConfig, StartError, seal_inherited_descriptors,
};

use crate::workshop::{Workshop, allowed, eventually, launcher, text};

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_the_expected_one_and_nothing_else() {
    let shop = Workshop::new();
    let mut run = shop.order(allowed(&["env", "-0"], "60s"));
    run.environment = vec![("API_KEY".into(), "a=b\n'c' \"d\" $E".into()), ("EMPTY".into(), String::new())];
    let found = environment(&shop.finish(run).await.unwrap());
    let home = found["HOME"].clone();
    assert_eq!(
        found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(),
        [
            ("API_KEY", "a=b\n'c' \"d\" $E"),
            ("EMPTY", ""),
            ("HOME", home.as_str()),
            ("LANG", "C.UTF-8"),
            ("PATH", DEFAULT_PATH),
            ("TMPDIR", home.as_str()),
        ]
    );
    assert!(Path::new(&home).is_absolute());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_language_can_be_replaced_and_the_private_places_cannot() {
    let shop = Workshop::new();
    let mut run = shop.order(allowed(&["env", "-0"], "60s"));
    run.environment =
        ["LANG", "PATH", "HOME", "TMPDIR"].map(|name| (name.to_owned(), "replaced".to_owned())).to_vec();
    let found = environment(&shop.finish(run).await.unwrap());
    assert_eq!(
        found.iter().filter(|(_, value)| *value == "replaced").map(|(name, _)| name).collect::<Vec<_>>(),
        ["LANG"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_private_directory_is_empty_for_every_run_whatever_the_one_before_left() {
    let shop = Workshop::new();
    let look =
        r#"stat -c '%a %u %g %Y %n' "$TMPDIR"; ls -A "$TMPDIR"; getfattr -d "$TMPDIR" 2>&- | grep -v ^#;"#;
    let leave = r#"cd "$TMPDIR" &&
       mkdir -p a/b/c .hidden && echo text > a/b/file && echo text > .hidden/file && ln -s / root &&
       chmod 0 a/b/c && chmod 500 a/b && chmod 100 a && chmod 0 .hidden && mkfifo fifo &&
       { setfattr -n user.note -v text . || :; } 2>&- && touch -d @12345 . && chmod 0 ."#;
    let first = shop.script(&format!("{look} {leave}")).await;
    assert_eq!((first.returncode, text(&first.stderr.bytes)), (0, ""));
    assert!(text(&first.stdout.bytes).starts_with("700 "));
    assert!(shop.private_files().is_empty());
    let second = shop.script(look).await;
    assert_eq!(text(&second.stdout.bytes), text(&first.stdout.bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn private_directories_are_as_many_as_ran_at_once_and_go_with_the_sandbox() {
    let shop = Workshop::new();
    for _ in 0..20 {
        shop.script("echo x > $TMPDIR/file").await;
    }
    assert_eq!(shop.private_directories(), 1);
    let root = shop.end();
    eventually("no directory is left", || {
        std::fs::read_dir(root.path().join("runs")).unwrap().next().is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_directory_that_somebody_removed_is_made_again() {
    let shop = Workshop::new();
    for _ in 0..3 {
        assert_eq!(shop.script("echo x > $TMPDIR/file").await.returncode, 0);
        shop.remove_runs();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_run_has_a_directory_of_its_own() {
    let shop = Workshop::new();
    let (first, second) = tokio::join!(shop.script("echo $HOME"), shop.script("echo $HOME"));
    assert_ne!(first.stdout.bytes, second.stdout.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_root_that_cannot_be_made_is_a_refusal() {
    let mut config = SandboxConfig::new("/dev/null/runs");
    config.launcher = Some(launcher());
    let error = Sandbox::start(config).await.unwrap_err();
    assert!(matches!(error, StartError::TemporaryRoot { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_descriptor_but_the_first_three_is_passed_on() {
    let inherited = rustix::pipe::pipe().unwrap();
    assert!(inherited.0.as_raw_fd() >= 3 && inherited.1.as_raw_fd() < 200);
    let shop = Workshop::new();
    let probe = "n=0; while [ $n -lt 200 ]; do [ -e /proc/$$/fd/$n ] && echo $n; n=$((n + 1)); done";
    assert_eq!(text(&shop.script(probe).await.stdout.bytes), "0\n1\n2\n");
    // Nor without a launcher, once this process has sealed what it inherited.
    let shop = Workshop::with(|config| config.launcher = None);
    let before = shop.script(probe).await;
    assert_ne!(
        text(&before.stdout.bytes),
        "0\n1\n2\n",
        "the test is about a descriptor that would be passed on"
    );
    seal_inherited_descriptors();
    let after = shop.script(probe).await;
    assert_eq!(text(&after.stdout.bytes), "0\n1\n2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_is_empty() {
    let shop = Workshop::new();
    let finished = shop.run(&["cat"]).await.unwrap();
    assert_eq!((finished.returncode, finished.stdout.bytes.len()), (0, 0));
    assert_eq!(text(&shop.run(&["readlink", "/proc/self/fd/0"]).await.unwrap().stdout.bytes), "/dev/null\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_working_directory_is_the_given_one() {
    let shop = Workshop::new();
    let finished = shop.run(&["pwd", "-P"]).await.unwrap();
    assert_eq!(Path::new(text(&finished.stdout.bytes).trim_end()), shop.work().canonicalize().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_leads_a_group_of_its_own() {
    let shop = Workshop::new();
    let finished = shop.run(&["cut", "-d", " ", "-f", "1,5", "/proc/self/stat"]).await.unwrap();
    let (process, group) = text(&finished.stdout.bytes).trim_end().split_once(' ').unwrap();
    assert_eq!(process, group);
}

fn environment(finished: &Finished) -> BTreeMap<String, String> {
    let entries: Vec<_> = text(&finished.stdout.bytes).split_terminator('\0').collect();
    let found: BTreeMap<_, _> = entries
        .iter()
        .map(|entry| entry.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(found.len(), entries.len(), "no name comes twice");
    found
}
