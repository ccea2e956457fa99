//! POST /api/v1/uploads and PUT /api/v1/blobs/{checksum}: sending only what is missing.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Answer, Connection, Issued, TestGateway, checksum_of, entry, eventually};

async fn deploy(gateway: &TestGateway, token: &Issued, name: &str, manifest: &Value) -> Answer {
    let call = gateway.call("PUT", &format!("/api/v1/environments/by-name/{name}")).token(&token.value);
    call.json(&json!({ "manifest": manifest })).send().await
}

/// Deploys what was announced.
async fn deploy_upload(gateway: &TestGateway, token: &Issued, name: &str, upload: &str) -> Answer {
    let call = gateway.call("PUT", &format!("/api/v1/environments/by-name/{name}")).token(&token.value);
    call.json(&json!({ "upload": upload })).send().await
}

/// All files of the blob store, those on their way in included.
fn kept(directory: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files.extend(kept(&entry.path()));
        } else {
            files.push(entry.path().display().to_string());
        }
    }
    files
}

#[tokio::test]
async fn only_what_is_missing_is_asked_for_and_each_once() {
    let gateway = TestGateway::start().await;
    let (page, text) = (b"# Hi\n".as_slice(), b"the same text".as_slice());
    let manifest = json!([entry("README.md", page), entry("a.txt", text), entry("b/a.txt", text)]);
    let asked = gateway.missing(&gateway.admin, "", &manifest).await;
    assert_eq!(asked, [checksum_of(page), checksum_of(text)]);
    assert_eq!(gateway.put_blob(&gateway.admin, &asked[0], page).await.status, 201);
    assert_eq!(gateway.missing(&gateway.admin, "", &manifest).await, [checksum_of(text)]);
    deploy(&gateway, &gateway.admin, "docs", &manifest).await.assert_problem(422, "invalid");
    assert_eq!(gateway.put_blob(&gateway.admin, &asked[1], text).await.status, 201);
    assert!(gateway.missing(&gateway.admin, "", &manifest).await.is_empty());
    assert_eq!(deploy(&gateway, &gateway.admin, "docs", &manifest).await.data()["files"], 3);
    assert_eq!(gateway.as_admin("GET", "/e/docs/b/a.txt").send().await.body, text);
}

#[tokio::test]
async fn a_change_of_one_file_takes_one_blob() {
    let gateway = TestGateway::start().await;
    let id = gateway.deploy("docs").await;
    let gateway = gateway.restart().await; // nobody remembers who sent what
    let unchanged: Vec<_> = [("README.md", crate::support::PAGE), ("guide.md", "# Guide\n")]
        .iter()
        .map(|(path, text)| entry(path, text.as_bytes()))
        .collect();
    let mut manifest = unchanged.clone();
    manifest.push(entry("notes.txt", b"other notes\n"));
    let manifest = json!(manifest);
    let other = checksum_of(b"other notes\n");
    for named in ["docs", &id] {
        let asked = gateway.missing(&gateway.admin, &format!("?environment={named}"), &manifest).await;
        assert_eq!(asked, [other.as_str()], "{named}");
    }
    // Without naming the environment, everything is asked for.
    assert_eq!(gateway.missing(&gateway.admin, "", &manifest).await.len(), 3);
    gateway.put_blob(&gateway.admin, &other, b"other notes\n").await;
    assert_eq!(deploy(&gateway, &gateway.admin, "docs", &manifest).await.data()["release"], 2);
    assert_eq!(gateway.as_admin("GET", "/e/docs/notes.txt").send().await.text(), "other notes\n");
}

#[tokio::test]
async fn bytes_that_are_not_the_announced_ones_are_not_kept() {
    let gateway = TestGateway::start().await;
    let announced = checksum_of(b"announced");
    for bytes in [b"something else".as_slice(), b"", b"announced "] {
        let answer = gateway.put_blob(&gateway.admin, &announced, bytes).await;
        answer.assert_problem(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], "checksum");
    }
    for checksum in
        ["sha256:00", "md5:d41d8cd98f00b204e9800998ecf8427e", &announced.to_uppercase(), "..%2f..%2fx"]
    {
        gateway.put_blob(&gateway.admin, checksum, b"announced").await.assert_problem(422, "invalid");
    }
    assert_eq!(kept(&gateway.data().join("blobs")), Vec::<String>::new());
    let manifest = json!([entry("README.md", b"announced")]);
    assert_eq!(gateway.missing(&gateway.admin, "", &manifest).await, [announced.as_str()]);
    assert_eq!(gateway.put_blob(&gateway.admin, &announced, b"announced").await.status, 201);
    assert_eq!(kept(&gateway.data().join("blobs")).len(), 1);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let gateway = TestGateway::start().await;
    let checksum = checksum_of(b"0123456789");
    let mut connection = Connection::open(gateway.address).await;
    let head = format!(
        "PUT /api/v1/blobs/{checksum} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-length: 10\r\nexpect: 100-continue\r\n\r\n",
        gateway.admin.value
    );
    connection.send(head).await;
    connection.read_until("100 Continue").await;
    connection.send("01234").await;
    drop(connection);
    eventually("an empty store of blobs", async || {
        kept(&gateway.data().join("blobs")).is_empty().then_some(())
    })
    .await;
    let manifest = json!([entry("README.md", b"0123456789")]);
    assert_eq!(gateway.missing(&gateway.admin, "", &manifest).await, [checksum]);
}

#[tokio::test]
async fn a_blob_that_is_too_large_is_refused_whether_it_says_so_or_not() {
    let gateway = TestGateway::start_with(|settings| settings.limits.file_bytes_max = 1000).await;
    let large = vec![b'x'; 1001];
    let checksum = checksum_of(&large);
    gateway.put_blob(&gateway.admin, &checksum, &large).await.assert_problem(413, "too-large");
    let mut connection = Connection::open(gateway.address).await;
    let head = format!(
        "PUT /api/v1/blobs/{checksum} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        gateway.admin.value
    );
    connection.send(head).await;
    for _ in 0..3 {
        connection.try_send(format!("190\r\n{}\r\n", "x".repeat(0x190))).await;
    }
    connection.try_send("0\r\n\r\n").await;
    let answer = connection.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(kept(&gateway.data().join("blobs")), Vec::<String>::new());
    let fits = &large[..1000];
    assert_eq!(gateway.put_blob(&gateway.admin, &checksum_of(fits), fits).await.status, 201);
}

/// Knowing a digest is not having the file.
#[tokio::test]
async fn a_file_of_another_environment_cannot_be_had_by_its_digest() {
    let gateway = TestGateway::start().await;
    let secret = b"the other department's numbers".as_slice();
    gateway
        .deploy_manifest("theirs", &[("README.md", b"# Hi\n", 0o644), ("numbers.txt", secret, 0o644)])
        .await
        .data();
    gateway.deploy_files("mine", &[("README.md", "# Mine\n")]).await.data();
    let token = gateway.token().scope("admin").only(&["mine"]).issue().await;
    let manifest = json!([entry("README.md", b"# Mine\n"), entry("numbers.txt", secret)]);
    for query in ["", "?environment=mine", "?environment=theirs", "?environment=nowhere"] {
        let asked = gateway.missing(&token, query, &manifest).await;
        assert!(asked.contains(&checksum_of(secret)), "{query}: {asked:?}");
    }
    let answer = deploy(&gateway, &token, "mine", &manifest).await;
    answer.assert_problem(422, "invalid");
    assert_eq!(answer.json()["errors"][0]["field"], "numbers.txt");
    for query in ["", "?environment=mine", "?environment=theirs"] {
        let (upload, _) = gateway.announce(&token, query, &manifest).await;
        let by_upload = deploy_upload(&gateway, &token, "mine", &upload).await;
        assert_eq!(by_upload.json()["errors"], answer.json()["errors"], "{query}");
    }
    // The same words as for a file that nobody ever sent.
    let unknown = json!([entry("README.md", b"# Mine\n"), entry("numbers.txt", b"unknown")]);
    let never = deploy(&gateway, &token, "mine", &unknown).await;
    let masked = |answer: &Answer, bytes: &[u8]| {
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        detail.replace(&checksum_of(bytes), "(digest)")
    };
    assert_eq!(masked(&answer, secret), masked(&never, b"unknown"));
    gateway.get("/e/mine/numbers.txt").token(&token.value).send().await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn what_one_token_sent_another_one_has_not() {
    let gateway = TestGateway::start().await;
    let other = gateway.token().scope("admin").issue().await;
    let page = b"# Hi\n".as_slice();
    let manifest = json!([entry("README.md", page)]);
    gateway.put_blob(&other, &checksum_of(page), page).await;
    assert_eq!(gateway.missing(&gateway.admin, "", &manifest).await, [checksum_of(page)]);
    deploy(&gateway, &gateway.admin, "docs", &manifest).await.assert_problem(422, "invalid");
    deploy(&gateway, &other, "docs", &manifest).await.data();
}

#[tokio::test]
async fn a_size_that_does_not_fit_the_file_is_refused() {
    let gateway = TestGateway::start().await;
    let page = b"# Hi\n".as_slice();
    gateway.put_blob(&gateway.admin, &checksum_of(page), page).await;
    for size in [0, 4, 6, 1_000_000] {
        let mut file = entry("README.md", page);
        file["size"] = json!(size);
        let answer = deploy(&gateway, &gateway.admin, "docs", &json!([file])).await;
        answer.assert_problem(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], "README.md", "{size}");
    }
}

#[tokio::test]
async fn a_manifest_with_faults_is_refused_before_anything_is_sent() {
    let gateway = TestGateway::start().await;
    let manifest = json!([entry("../README.md", b"x"), entry("a.txt", b"x"), entry("A.txt", b"x")]);
    let answer = gateway.as_admin("POST", "/api/v1/uploads").json(&manifest).send().await;
    answer.assert_problem(422, "invalid");
    assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 3, "{}", answer.text());
    for (path, body) in [
        ("/api/v1/uploads", json!({})),
        ("/api/v1/uploads", json!([{ "path": "README.md" }])),
        ("/api/v1/uploads?env=docs", json!([])),
    ] {
        gateway.as_admin("POST", path).json(&body).send().await.assert_problem(422, "invalid");
    }
}

/// A blob that no release has is removed when it is old. One that a deploy relies on must not be.
#[tokio::test]
async fn an_old_blob_that_a_deploy_comes_upon_is_made_young() {
    let gateway = TestGateway::start().await;
    let page = b"# Hi\n".as_slice();
    gateway.put_blob(&gateway.admin, &checksum_of(page), page).await;
    let blob = kept(&gateway.data().join("blobs")).remove(0);
    let young = std::fs::metadata(&blob).unwrap().modified().unwrap();
    // Not so old that it is removed here and now.
    let old = young - std::time::Duration::from_hours(23);
    let age = || std::fs::File::options().write(true).open(&blob).unwrap().set_modified(old).unwrap();
    let is_young = || std::fs::metadata(&blob).unwrap().modified().unwrap() >= young;
    let manifest = json!([entry("README.md", page)]);
    age();
    assert!(gateway.missing(&gateway.admin, "", &manifest).await.is_empty());
    assert!(is_young());
    age();
    gateway.deploy_files("inline", &[("README.md", "# Hi\n")]).await.data();
    assert!(is_young());
    age();
    deploy(&gateway, &gateway.admin, "docs", &manifest).await.data();
    assert!(is_young());
    // One that was removed in spite of all is asked for again.
    std::fs::remove_file(&blob).unwrap();
    assert_eq!(gateway.missing(&gateway.admin, "", &manifest).await, [checksum_of(page)]);
    deploy(&gateway, &gateway.admin, "new", &manifest).await.assert_problem(422, "invalid");
}

#[tokio::test]
async fn what_was_announced_is_published_without_being_sent_again() {
    let gateway = TestGateway::start().await;
    let (page, text) = (b"# Hi\n".as_slice(), b"text".as_slice());
    let mut script = entry("run.sh", text);
    script["mode"] = json!(0o755);
    let manifest = json!([script, entry("README.md", page)]);
    let (upload, missing) = gateway.announce(&gateway.admin, "", &manifest).await;
    // Not before all of it is here.
    let early = deploy_upload(&gateway, &gateway.admin, "docs", &upload).await;
    early.assert_problem(422, "invalid");
    assert_eq!(early.json()["errors"].as_array().unwrap().len(), 2, "{}", early.text());
    for (checksum, bytes) in missing.iter().zip([page, text]) {
        assert_eq!(gateway.put_blob(&gateway.admin, checksum, bytes).await.status, 201);
    }
    let first = deploy_upload(&gateway, &gateway.admin, "docs", &upload).await;
    assert_eq!((first.status, &first.data()["release"], &first.data()["files"]), (201, &json!(1), &json!(2)));
    assert_eq!(gateway.as_admin("GET", "/e/docs/run.sh").send().await.body, text);
    // The same files in another order are the same upload, and the same upload makes no second release.
    let turned = json!([manifest[1], manifest[0]]);
    assert_eq!(
        gateway.announce(&gateway.admin, "?environment=docs", &turned).await,
        (upload.clone(), vec![])
    );
    assert_eq!(deploy_upload(&gateway, &gateway.admin, "docs", &upload).await.data()["release"], 1);
    for (method, path, name) in [
        ("POST", "/api/v1/environments/docs/publish", json!(null)),
        ("POST", "/api/v1/environments", json!("other")),
    ] {
        let mut body = json!({ "upload": upload });
        if name.is_string() {
            body["name"] = name;
        }
        let answer = gateway.as_admin(method, path).json(&body).send().await.data();
        assert_eq!((&answer["release"], &answer["files"]), (&json!(1), &json!(2)), "{path}");
    }
    // Nor is anything but the executable bit lost on the way.
    let plain = json!([entry("run.sh", text), entry("README.md", page)]);
    let (other, _) = gateway.announce(&gateway.admin, "", &plain).await;
    assert_ne!(other, upload);
    assert_eq!(deploy_upload(&gateway, &gateway.admin, "docs", &other).await.data()["release"], 2);
}

#[tokio::test]
async fn an_upload_is_known_to_its_token_for_an_hour_and_until_a_restart() {
    let gateway = TestGateway::start().await;
    let page = b"# Hi\n".as_slice();
    let manifest = json!([entry("README.md", page)]);
    let other = gateway.token().scope("admin").issue().await;
    for token in [&gateway.admin, &other] {
        gateway.put_blob(token, &checksum_of(page), page).await;
    }
    let (upload, _) = gateway.announce(&gateway.admin, "", &manifest).await;
    deploy_upload(&gateway, &other, "docs", &upload).await.assert_problem(409, "upload-unknown");
    deploy_upload(&gateway, &gateway.admin, "docs", &checksum_of(page))
        .await
        .assert_problem(409, "upload-unknown");
    gateway.advance(std::time::Duration::from_mins(59));
    assert_eq!(deploy_upload(&gateway, &gateway.admin, "docs", &upload).await.data()["release"], 1);
    gateway.advance(std::time::Duration::from_mins(1));
    deploy_upload(&gateway, &gateway.admin, "docs", &upload).await.assert_problem(409, "upload-unknown");
    // Announced again it is known again, and until then the manifest itself is taken.
    assert_eq!(deploy(&gateway, &gateway.admin, "docs", &manifest).await.data()["release"], 1);
    assert_eq!(gateway.announce(&gateway.admin, "", &manifest).await.0, upload);
    assert_eq!(deploy_upload(&gateway, &gateway.admin, "docs", &upload).await.data()["release"], 1);
    let gateway = gateway.restart().await;
    deploy_upload(&gateway, &gateway.admin, "docs", &upload).await.assert_problem(409, "upload-unknown");
    assert_eq!(deploy(&gateway, &gateway.admin, "docs", &manifest).await.data()["release"], 1);
}

/// What need not be sent is judged again when it is published: the environment may have changed since, or be another.
#[tokio::test]
async fn an_upload_is_no_right_to_what_was_served_when_it_was_announced() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let gateway = gateway.restart().await; // nobody remembers who sent what
    let manifest = json!([entry("README.md", crate::support::PAGE.as_bytes())]);
    let (upload, missing) = gateway.announce(&gateway.admin, "?environment=docs", &manifest).await;
    assert_eq!(missing, Vec::<String>::new());
    let refused = async |name: &str| {
        let answer = deploy_upload(&gateway, &gateway.admin, name, &upload).await;
        answer.assert_problem(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], "README.md", "{name}");
    };
    refused("another").await;
    gateway.as_admin("DELETE", "/api/v1/environments/docs").send().await.data();
    refused("docs").await;
}

#[tokio::test]
async fn an_upload_excludes_files_and_a_manifest_and_has_the_form_of_one() {
    let gateway = TestGateway::start().await;
    gateway.deploy("docs").await;
    let (files, manifest) =
        (crate::support::inline(&[("README.md", "# Hi\n")]), json!([entry("README.md", b"# Hi\n")]));
    let (upload, _) = gateway.announce(&gateway.admin, "", &manifest).await;
    for body in [
        json!({ "upload": upload, "files": files }),
        json!({ "upload": upload, "manifest": manifest }),
        json!({ "upload": upload, "manifest": manifest, "files": files }),
        json!({ "upload": "" }),
        json!({ "upload": "upl-aaaaaaaaaaaa" }),
    ] {
        let answer = gateway.as_admin("PUT", "/api/v1/environments/by-name/docs").json(&body).send().await;
        answer.assert_problem(422, "invalid");
        assert_eq!(answer.json()["errors"][0]["field"], "upload", "{body}");
    }
}

#[tokio::test]
async fn hidden_files_are_in_an_upload_when_they_were_announced_as_such() {
    let gateway = TestGateway::start().await;
    let (page, hidden) = (b"# Hi\n".as_slice(), b"hidden".as_slice());
    let manifest = json!([entry("README.md", page), entry(".well-known/x", hidden)]);
    gateway.as_admin("POST", "/api/v1/uploads").json(&manifest).send().await.assert_problem(422, "invalid");
    let (upload, missing) = gateway.announce(&gateway.admin, "?hidden=true", &manifest).await;
    assert_eq!(missing.len(), 2);
    for bytes in [page, hidden] {
        gateway.put_blob(&gateway.admin, &checksum_of(bytes), bytes).await;
    }
    assert_eq!(deploy_upload(&gateway, &gateway.admin, "docs", &upload).await.data()["files"], 2);
}

/// What is served already is not looked at again, but for what it is now said to be.
#[tokio::test]
async fn a_file_that_is_served_already_is_held_to_what_the_manifest_says_of_it_now() {
    let gateway = TestGateway::start().await;
    let broken = b"---\ntools: 7\n---\n".as_slice();
    let served = [entry("README.md", b"# Hi\n"), entry("notes.txt", broken)];
    for bytes in [b"# Hi\n".as_slice(), broken] {
        gateway.put_blob(&gateway.admin, &checksum_of(bytes), bytes).await;
    }
    deploy(&gateway, &gateway.admin, "docs", &json!(served)).await.data();
    let mut resized = served.clone();
    resized[1]["size"] = json!(1);
    let mut as_page = served.clone();
    as_page[1]["path"] = json!("notes.md");
    for (manifest, field) in [(resized, "notes.txt"), (as_page, "notes.md")] {
        let manifest = json!(manifest);
        let (upload, missing) = gateway.announce(&gateway.admin, "?environment=docs", &manifest).await;
        assert!(missing.is_empty());
        for answer in [
            deploy(&gateway, &gateway.admin, "docs", &manifest).await,
            deploy_upload(&gateway, &gateway.admin, "docs", &upload).await,
        ] {
            answer.assert_problem(422, "invalid");
            let told = answer.json()["errors"][0]["field"].as_str().unwrap().to_owned();
            assert!(told.starts_with(field), "{}", answer.text());
        }
    }
    // One that the disk has lost is asked for.
    let lost = gateway.data().join("blobs");
    let hex = checksum_of(broken).split_off("sha256:".len());
    std::fs::remove_file(lost.join(&hex[..2]).join(&hex[2..])).unwrap();
    let asked = gateway.missing(&gateway.admin, "?environment=docs", &json!(served)).await;
    assert_eq!(asked, [checksum_of(broken)]);
}
