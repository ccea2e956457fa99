//! What is started: which program, with which arguments.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use toolfront_app::{CommandLine, FilePath, Page};
use toolfront_sandbox::RunError;

use crate::workshop::{Workshop, text};

#[tokio::test(flavor = "multi_thread")]
async fn arguments_arrive_byte_for_byte() {
    let shop = Workshop::new();
    let arguments = [
        "",
        "plain",
        "two words",
        "line\nbreak\r\n",
        "tab\t",
        "'single'",
        "\"double\"",
        "back\\slash",
        "$HOME",
        "${X}",
        "$(id)",
        "`id`",
        "; id",
        "| id",
        "> file",
        "&&",
        "*",
        "?",
        "~",
        "-n",
        "--",
        "%s",
        "{}",
        "ünïcödé",
        "日本語",
        "🦀",
        "\u{1}\u{7f}",
        "\u{feff}",
        "",
    ];
    let argv: Vec<&str> = ["printf", r"%s\0"].into_iter().chain(arguments).collect();
    let finished = shop.run(&argv).await.unwrap();
    let received: Vec<&str> = text(&finished.stdout.bytes).split_terminator('\0').collect();
    assert_eq!(received, arguments);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_sees_its_own_name_as_it_was_written() {
    let shop = Workshop::new();
    let finished = shop.run(&["cat", "/proc/self/cmdline"]).await.unwrap();
    assert_eq!(text(&finished.stdout.bytes), "cat\0/proc/self/cmdline\0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_with_a_slash_comes_from_the_working_directory() {
    let shop = Workshop::new();
    place(&shop, "tool", "#!/bin/sh\necho \"release $1\"\n", 0o755);
    let finished = shop.run(&["./tool", "x"]).await.unwrap();
    assert_eq!(text(&finished.stdout.bytes), "release x\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_nowhere_is_named() {
    let shop = Workshop::new();
    place(&shop, "tool", "#!/bin/sh\n", 0o755);
    for program in ["no-such-program", "./no-such-program", "tool", "/no/such/program"] {
        let error = shop.run(&[program]).await.unwrap_err();
        assert!(
            matches!(&error, RunError::ProgramNotFound { program: named } if named == program),
            "{error:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_executed_is_told_from_one_that_is_not_there() {
    let shop = Workshop::new();
    place(&shop, "unmarked", "#!/bin/sh\n", 0o644);
    place(&shop, "formless", "neither a binary nor a script\n", 0o755);
    place(&shop, "uninterpreted", "#!/no/such/interpreter\n", 0o755);
    for program in ["./unmarked", "./formless", "./uninterpreted", "/etc"] {
        let error = shop.run(&[program]).await.unwrap_err();
        assert!(
            matches!(&error, RunError::NotExecutable { program: named } if named == program),
            "{error:?}"
        );
    }
    assert!(shop.private_files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_working_directory_that_is_gone_is_the_systems_refusal() {
    let shop = Workshop::new();
    let mut run = shop.order(crate::workshop::allowed(&["true"], "60s"));
    run.directory = shop.work().join("gone");
    let error = shop.finish(run).await.unwrap_err();
    assert!(matches!(error, RunError::Spawn { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_shows_neither_expanded_arguments_nor_the_environment() {
    let shop = Workshop::new();
    let page =
        Page::parse(&FilePath::parse("page.md").unwrap(), "---\ntools:\n  - [no-such-program, $KEY]\n---\n")
            .unwrap();
    let command = CommandLine::parse(vec!["no-such-program".into(), "$KEY".into()]).unwrap();
    let allowed = page.admit(&command).unwrap().expand(&|_| Some("hunter2")).unwrap();
    let mut run = shop.order(allowed);
    run.environment = vec![("KEY".into(), "hunter2".into())];
    assert!(!format!("{run:?}").contains("hunter2"));
    let error = shop.finish(run).await.unwrap_err();
    assert_eq!(error.to_string(), "the program `no-such-program` was not found");
    assert!(!format!("{error:?}{:?}", error.source()).contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_no_process_can_have_is_refused() {
    let shop = Workshop::new();
    let mut run = shop.order(crate::workshop::allowed(&["true"], "60s"));
    run.environment = vec![("KEY".into(), "hunter2\0".into())];
    let error = shop.finish(run).await.unwrap_err();
    assert!(matches!(error, RunError::Spawn { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"));
}

fn place(shop: &Workshop, name: &str, text: &str, mode: u32) {
    let path = shop.work().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}
