use std::os::unix::fs::symlink;

use super::*;
use crate::key_text::KeyText;

fn file(content: Option<&str>) -> (tempfile::TempDir, ContextFile) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("toolfront").join("config.toml");
    if let Some(content) = content {
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    (directory, ContextFile::at(path))
}

fn context(url: &str) -> Context {
    Context { api_url: url.to_owned(), api_key: Some(KeyText::new("tf_k")), ..Context::default() }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_file_that_is_not_there_has_no_contexts() {
    let (_directory, file) = file(None);
    assert_eq!(file.read().unwrap().iter().count(), 0);
}

#[test]
fn what_is_written_reads_back_and_is_for_its_owner_alone() {
    let (_directory, file) = file(None);
    file.change(|contexts| {
        contexts.set("a b.c", context("https://a"));
        contexts.current = Some("a b.c".to_owned());
        Ok(())
    })
    .unwrap();
    assert_eq!(mode(file.path()), 0o600);
    assert_eq!(mode(file.path().parent().unwrap()), 0o700);
    let contexts = file.read().unwrap();
    let (name, found) = contexts.chosen(None).unwrap().unwrap();
    assert_eq!((name, found.api_url.as_str()), ("a b.c", "https://a"));
    assert_eq!(found.api_key.as_ref().unwrap().reveal(), "tf_k");
    assert!(contexts.warning().is_none());
}

#[test]
fn writing_closes_a_file_that_was_open_to_others_and_reading_warns_of_one() {
    let (_directory, file) = file(Some("[contexts.a]\napi_url = \"https://a\"\napi_key = \"tf_k\"\n"));
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(file.read().unwrap().warning().unwrap().contains("chmod 600"));
    file.change(|_| Ok(())).unwrap();
    assert_eq!(mode(file.path()), 0o600);
    assert!(file.read().unwrap().warning().is_none());
}

#[test]
fn what_another_version_wrote_is_kept() {
    let (_directory, file) =
        file(Some("theme = \"dark\"\n[contexts.a]\napi_url = \"https://a\"\nregion = \"eu\"\n"));
    file.change(|contexts| {
        contexts.set("a", context("https://b"));
        Ok(())
    })
    .unwrap();
    let text = fs::read_to_string(file.path()).unwrap();
    assert!(text.contains("theme = \"dark\"") && text.contains("region = \"eu\""), "{text}");
    assert!(text.contains("api_url = \"https://b\""), "{text}");
}

#[test]
fn a_change_that_fails_leaves_the_file_as_it_was() {
    let before = "[contexts.a]\napi_url = \"https://a\"\n";
    let (_directory, file) = file(Some(before));
    let failure = file.change(|contexts| contexts.remove("b")).unwrap_err();
    assert!(failure.message().contains("known: a"), "{}", failure.message());
    assert_eq!(fs::read_to_string(file.path()).unwrap(), before);
}

#[test]
fn a_link_stays_a_link() {
    let (directory, file) = file(Some(""));
    let real = directory.path().join("real.toml");
    fs::rename(file.path(), &real).unwrap();
    symlink(&real, file.path()).unwrap();
    file.change(|contexts| {
        contexts.set("a", context("https://a"));
        Ok(())
    })
    .unwrap();
    assert!(fs::symlink_metadata(file.path()).unwrap().is_symlink());
    assert!(fs::read_to_string(real).unwrap().contains("https://a"));
}

#[test]
fn a_broken_file_is_told_by_line_and_column_and_its_keys_are_not() {
    for (content, said) in [
        ("[contexts.a]\napi_key = \"tf_secretsecret\n", ":2:"),
        ("contexts = \"tf_secretsecret\"", ": contexts has to be a table"),
        ("[contexts]\na = \"tf_secretsecret\"", ": contexts.a has to be a table"),
        ("[contexts.a]\napi_url = 5", ": contexts.a.api_url has to be a text in quotes"),
        ("[contexts.a]\napi_key = \"tf_secretsecret\"", ": contexts.a.api_url has to be there"),
        ("tf_secretsecret", ":1:"),
    ] {
        let (_directory, file) = file(Some(content));
        let failure = file.read().unwrap_err();
        assert!(failure.message().contains(&format!("config.toml{said}")), "{}", failure.message());
        assert!(!failure.message().contains("secret"), "{}", failure.message());
    }
}

#[test]
fn taking_the_current_context_away_leaves_none() {
    let (_directory, file) = file(Some("current_context = \"a\"\n[contexts.a]\napi_url = \"https://a\"\n"));
    file.change(|contexts| contexts.remove("a")).unwrap();
    assert!(file.read().unwrap().chosen(None).unwrap().is_none());
}
