use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

const PAGE: &str = "---\ntools:\n  - [ls, ;]\n---\n# A page\n";

fn application(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let file = root.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    root
}

fn paths(inspection: &Inspection) -> Vec<&str> {
    inspection.directory().files().iter().map(|file| file.path.as_str()).collect()
}

fn faults(inspection: &Inspection) -> Vec<String> {
    inspection.faults().iter().map(ToString::to_string).collect()
}

#[test]
fn files_are_sorted_by_path_and_carry_their_digest() {
    let root = application(&[("b.txt", "b"), ("a/z.txt", ""), ("README.md", PAGE), ("a.txt", "a")]);
    let inspection = Inspection::of(root.path(), false).unwrap();
    assert_eq!(paths(&inspection), ["README.md", "a.txt", "a/z.txt", "b.txt"]);
    let directory = inspection.deployable().unwrap();
    assert_eq!(directory.files()[1].digest, BlobDigest::of(b"a"));
    assert_eq!(directory.pages().len(), 1);
    assert_eq!(directory.first_page().unwrap().1.tools().len(), 1);
}

#[test]
fn hidden_files_are_left_out_unless_asked_for() {
    let root = application(&[("README.md", PAGE), (".env", "SECRET=1"), (".git/config", "x"), ("a/.b", "x")]);
    let without = Inspection::of(root.path(), false).unwrap();
    assert_eq!(paths(&without), ["README.md"]);
    assert_eq!(without.directory().left_out(), 3);
    let with = Inspection::of(root.path(), true).unwrap();
    assert_eq!(paths(&with), [".env", ".git/config", "README.md", "a/.b"]);
    assert!(with.faults().is_empty());
}

#[test]
fn the_executable_bit_is_kept() {
    let root = application(&[("README.md", PAGE), ("run.sh", "#!/bin/sh\n")]);
    fs::set_permissions(root.path().join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let directory = Inspection::of(root.path(), false).unwrap().deployable().unwrap();
    let modes: Vec<_> = directory.manifest().into_iter().map(|entry| entry.mode).collect();
    assert_eq!(modes, [Some(0o644), Some(0o755)]);
}

#[test]
fn a_link_to_a_file_inside_counts_as_the_file() {
    let root = application(&[("README.md", PAGE), ("data/a.txt", "a")]);
    symlink("data/a.txt", root.path().join("latest.txt")).unwrap();
    let directory = Inspection::of(root.path(), false).unwrap().deployable().unwrap();
    let link = directory.files().iter().find(|file| file.path.as_str() == "latest.txt").unwrap();
    assert_eq!(link.digest, BlobDigest::of(b"a"));
}

#[test]
fn links_that_leave_lead_nowhere_to_hidden_files_or_to_directories_are_all_told() {
    let outside = application(&[("secret", "s")]);
    let root = application(&[("README.md", PAGE), (".env", "S=1"), ("data/a.txt", "a")]);
    symlink(outside.path().join("secret"), root.path().join("out")).unwrap();
    symlink("nothing", root.path().join("broken")).unwrap();
    symlink("README.md/../../..", root.path().join("up")).unwrap();
    symlink(".env", root.path().join("env.txt")).unwrap();
    symlink("data", root.path().join("folder")).unwrap();
    symlink("loop", root.path().join("loop")).unwrap();
    let inspection = Inspection::of(root.path(), false).unwrap();
    let faults = faults(&inspection);
    assert_eq!(faults.len(), 6, "{faults:#?}");
    assert_eq!(faults[0], "broken: is a link to nothing, where nothing is");
    assert!(faults[1].starts_with("env.txt: is a link to a hidden file, .env"), "{}", faults[1]);
    assert!(faults[2].starts_with("folder: is a link to data, which is not a file"), "{}", faults[2]);
    assert!(faults[3].starts_with("loop: is a link to loop, which can't be followed"), "{}", faults[3]);
    assert!(faults[4].starts_with("out: is a link that leaves the application's directory"), "{}", faults[4]);
    assert!(inspection.deployable().is_err());
}

#[test]
fn the_faults_of_all_pages_are_told_at_once() {
    let broken = "---\ntools:\n  - []\n  - [ls, ;, x]\n---\n";
    let root = application(&[("README.md", broken), ("a/b.md", "---\ntools: 5\n---\n"), ("c.md", "fine")]);
    let faults = faults(&Inspection::of(root.path(), false).unwrap());
    assert!(faults.iter().any(|fault| fault.starts_with("README.md:3:")), "{faults:#?}");
    assert!(faults.iter().any(|fault| fault.starts_with("README.md:4:")), "{faults:#?}");
    assert!(faults.iter().any(|fault| fault.starts_with("a/b.md:2:")), "{faults:#?}");
}

#[test]
fn a_directory_without_a_first_page_or_with_paths_that_clash_is_no_application() {
    let root = application(&[("notes.md", "x"), ("NOTES.md", "y")]);
    let faults = faults(&Inspection::of(root.path(), false).unwrap());
    assert_eq!(
        faults,
        [
            ".: there is no README.md and no index.md at the top",
            "notes.md: differs from NOTES.md by case only, and some systems can't tell them apart",
        ]
    );
}

#[test]
fn a_page_that_is_not_utf8_is_a_fault() {
    let root = application(&[("README.md", PAGE)]);
    fs::write(root.path().join("bad.md"), [0xff, 0xfe]).unwrap();
    let faults = faults(&Inspection::of(root.path(), false).unwrap());
    assert_eq!(faults, ["bad.md: is not UTF-8, as a page has to be"]);
}

#[test]
fn what_is_no_directory_is_said_to_be_none() {
    let root = application(&[("README.md", PAGE)]);
    for path in ["nothing", "README.md"] {
        let error = Inspection::of(&root.path().join(path), false).unwrap_err();
        assert!(matches!(error, DirectoryError::NotADirectory { .. }), "{path}: {error:?}");
    }
}
