use super::*;

fn raw(path: &str) -> RawEntry {
    RawEntry {
        path: path.to_owned(),
        checksum: BlobDigest::of(path.as_bytes()).to_string(),
        size: path.len() as u64,
        mode: None,
    }
}

fn parse(paths: &[&str]) -> Result<Manifest, ManifestRefusal> {
    Manifest::parse(paths.iter().map(|path| raw(path)).collect(), &ManifestLimits::default())
}

fn faults(refusal: Result<Manifest, ManifestRefusal>) -> Vec<String> {
    match refusal {
        Err(ManifestRefusal::Invalid(faults)) => faults.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_are_found_and_directories_known() {
    let manifest =
        parse(&["docs/b.md", "docs/a.md", "docs-old/x", "README.md", "docs/deep/er/c.md"]).unwrap();
    assert_eq!(manifest.get("docs/a.md").unwrap().size, 9);
    assert!(manifest.get("docs").is_none());
    for (path, kind) in [
        ("", Some(Kind::Directory)),
        ("docs", Some(Kind::Directory)),
        ("docs-old", Some(Kind::Directory)),
        ("docs/deep", Some(Kind::Directory)),
        ("docs/deep/er", Some(Kind::Directory)),
        ("docs/deep/er/c.md", Some(Kind::File)),
        ("doc", None),
        ("docs/", None),
        ("docs/z", None),
        ("zzz", None),
    ] {
        assert_eq!(manifest.kind(path), kind, "{path}");
    }
    assert_eq!(manifest.siblings(""), ["README.md", "docs-old", "docs"]);
    assert_eq!(manifest.siblings("docs"), ["a.md", "b.md", "deep"]);
    assert!(manifest.siblings("nowhere").is_empty());
    assert_eq!((manifest.len(), manifest.total_bytes()), (5, 54));
}

#[test]
fn every_fault_is_listed_with_its_place() {
    let mut entries: Vec<RawEntry> =
        ["README.md", "/abs", "a/../b", "c\\d", "e\0f", ".git/config", "ok.md"].map(raw).into();
    entries.push(RawEntry { checksum: "sha256:xyz".to_owned(), ..raw("bad.md") });
    entries.push(RawEntry { mode: Some(0o120_777), ..raw("link") });
    let fields: Vec<String> = match Manifest::parse(entries, &ManifestLimits::default()) {
        Err(ManifestRefusal::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        fields,
        [
            "files[1].path",
            "files[2].path",
            "files[3].path",
            "files[4].path",
            "files[5].path",
            "files[7].checksum",
            "files[8].mode",
        ]
    );
}

#[test]
fn duplicates_are_faults_also_by_case() {
    assert_eq!(faults(parse(&["README.md", "a", "a"])), ["files[2].path: the same path as files[1]"]);
    assert_eq!(
        faults(parse(&["README.md", "B/x", "b/X"])),
        ["files[2].path: differs from the path of files[1] by case only"]
    );
}

#[test]
fn a_path_through_a_file_is_a_fault_also_by_case() {
    let through = |index: usize, other: usize| {
        format!("files[{index}].path: leads through files[{other}], which is a file and not a directory")
    };
    assert_eq!(faults(parse(&["README.md", "a/b/c", "a", "a-b"])), [through(1, 2)]);
    assert_eq!(faults(parse(&["README.md", "A/b", "a", "a/c"])), [through(1, 2), through(3, 2)]);
    // What sorts between a file and what leads through it by its bytes does not hide that it does.
    assert_eq!(faults(parse(&["README.md", "a", "a b", "a-b/c", "a.b", "a/b/c"])), [through(5, 1)]);
}

#[test]
fn a_release_needs_a_page_at_the_top() {
    assert_eq!(
        faults(parse(&["docs/README.md"])),
        ["files: there is no README.md and no index.md at the top"]
    );
    assert_eq!(faults(parse(&[])).len(), 1);
    assert!(parse(&["index.md"]).is_ok());
}

#[test]
fn hidden_files_are_taken_only_when_allowed() {
    assert_eq!(faults(parse(&["README.md", "a/.env"])).len(), 1);
    let limits = ManifestLimits { allow_hidden: true, ..ManifestLimits::default() };
    assert!(Manifest::parse(vec![raw("README.md"), raw("a/.env")], &limits).is_ok());
}

#[test]
fn what_is_over_a_limit_is_too_large() {
    let limits =
        ManifestLimits { files_max: 2, file_bytes_max: 10, total_bytes_max: 15, allow_hidden: false };
    let sized = |path: &str, size| RawEntry { size, ..raw(path) };
    for entries in [
        vec![raw("README.md"), raw("a"), raw("b")],
        vec![sized("README.md", 11)],
        vec![sized("README.md", 8), sized("a", 8)],
        vec![sized("README.md", u64::MAX), sized("a", u64::MAX)],
    ] {
        assert!(matches!(Manifest::parse(entries, &limits), Err(ManifestRefusal::TooLarge(_))));
    }
    assert!(Manifest::parse(vec![sized("README.md", 10), sized("a", 5)], &limits).is_ok());
}

#[test]
fn one_checksum_has_one_size() {
    let first = raw("README.md");
    let second = RawEntry { path: "copy.md".to_owned(), size: 1, ..first.clone() };
    assert_eq!(
        faults(Manifest::parse(vec![first, second], &ManifestLimits::default())),
        ["files[1].size: the size differs from that of files[0], which has the same checksum"]
    );
}

#[test]
fn of_the_mode_the_executable_bits_are_kept() {
    let executable = |mode| {
        let entries = vec![raw("README.md"), RawEntry { mode, ..raw("run") }];
        Manifest::parse(entries, &ManifestLimits::default()).unwrap().get("run").unwrap().executable
    };
    assert!(executable(Some(0o755)) && executable(Some(0o100_700)));
    assert!(!executable(Some(0o644)) && !executable(None));
}

#[test]
fn the_stored_form_is_stable_and_reads_back() {
    let one = parse(&["b.md", "README.md", "a/c.md"]).unwrap();
    let other = parse(&["a/c.md", "README.md", "b.md"]).unwrap();
    assert_eq!(one.encode(), other.encode());
    assert_eq!(Manifest::decode(&one.encode()).unwrap(), one);
    let digest = BlobDigest::of(b"index.md");
    let file = format!(r#"{{"digest":"{digest}","executable":false,"path":"index.md","size":8}}"#);
    let stored = format!(r#"{{"files":[{file}],"version":1}}"#);
    assert_eq!(String::from_utf8(parse(&["index.md"]).unwrap().encode()).unwrap(), stored);
    let odd = parse(&["README.md", "a \"quoted\" name", "{\u{e9}}"]).unwrap();
    assert_eq!(Manifest::decode(&odd.encode()).unwrap(), odd);
}

#[test]
fn the_digest_tells_manifests_apart() {
    let one = parse(&["README.md", "a"]).unwrap();
    assert_eq!(one.digest(), parse(&["a", "README.md"]).unwrap().digest());
    assert_ne!(one.digest(), parse(&["README.md", "b"]).unwrap().digest());
    let executable = RawEntry { mode: Some(0o755), ..raw("a") };
    let other = Manifest::parse(vec![raw("README.md"), executable], &ManifestLimits::default()).unwrap();
    assert_ne!(one.digest(), other.digest());
}

#[test]
fn stored_bytes_that_contradict_themselves_are_corrupt() {
    let text = String::from_utf8(parse(&["README.md", "a/b"]).unwrap().encode()).unwrap();
    let decode = |text: String| Manifest::decode(text.as_bytes());
    assert!(matches!(decode(text.replace("a/b", "README.md")), Err(CorruptManifest::Clash { .. })));
    assert!(matches!(decode(text.replace("a/b", "../b")), Err(CorruptManifest::Unreadable(_))));
    assert!(matches!(
        decode(text.replace("\"version\":1", "\"version\":2")),
        Err(CorruptManifest::Version(2))
    ));
    assert!(matches!(decode(String::new()), Err(CorruptManifest::Unreadable(_))));
}
