//! One directory, served as its files are now.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;
use toolfront_gateway::{Confinement, DevServer, ServeSettings, StartError};
use toolfront_token::{Entropy, EntropyFailed, TokenSecret};

use crate::support::{Answer, Call, Napper, eventually};

const PAGE: &str = "---\ntools:\n  - [ls]\n  - [cat, {}, ;]\n  - [sleep, {}, ;]\n  - [pwd]\n---\n# Hi\n";

fn settings(directory: &Path) -> ServeSettings {
    ServeSettings {
        directory: directory.to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        tokens: Vec::new(),
        hidden: false,
        behind_proxy: false,
        confinement: Confinement { allow_weak: true, ..Confinement::default() },
        tls: None,
    }
}

/// A server of a directory, and what it has told of the pages' faults so far.
struct Served {
    address: std::net::SocketAddr,
    told: Arc<Mutex<Vec<Vec<String>>>>,
    directory: TempDir,
    stop: tokio::sync::oneshot::Sender<()>,
    server: tokio::task::JoinHandle<()>,
}

impl Served {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut ServeSettings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let application = directory.path().join("app");
        fs::create_dir(&application).unwrap();
        fs::write(application.join("README.md"), PAGE).unwrap();
        let mut settings = settings(&application);
        change(&mut settings);
        let told = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&told);
        let tell = move |faults: &[toolfront_app::Fault]| {
            noted.lock().unwrap().push(faults.iter().map(ToString::to_string).collect());
        };
        let bound = DevServer::bind(settings, tell).await.unwrap();
        let address = bound.local_addr();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let server = tokio::spawn(async move { bound.serve(async { drop(stopped.await) }).await.unwrap() });
        Self { address, told, directory, stop, server }
    }

    fn call(&self, method: &str, target: &str) -> Call {
        let (method, target) = (method.to_owned(), target.to_owned());
        Call { address: self.address, method, target, headers: Vec::new(), body: Vec::new() }
    }

    async fn get(&self, target: &str) -> Answer {
        self.call("GET", target).send().await
    }

    async fn run(&self, target: &str, command: &[&str]) -> Answer {
        self.call("POST", target).json(&json!({ "command": command })).send().await
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.directory.path().join("app").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    async fn told(&self, expected: &[&str]) {
        eventually("the faults that were expected", async || {
            let told = self.told.lock().unwrap();
            told.last().is_some_and(|faults| faults == expected).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn files_are_read_afresh_at_every_request() {
    let served = Served::start().await;
    assert_eq!(served.get("/").await.text(), PAGE);
    served.write("README.md", "# Changed\n");
    let changed = served.get("/").await;
    assert_eq!(
        (changed.text().as_str(), changed.header("content-type")),
        ("# Changed\n", "text/markdown; charset=utf-8")
    );
    served.get("/new").await.assert_problem(404, "not-found");
    served.write("new.md", "# New\n");
    assert_eq!(served.get("/new").await.text(), "# New\n");
    fs::remove_file(served.directory.path().join("app/new.md")).unwrap();
    served.get("/new").await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn entity_tags_follow_the_files_small_and_large() {
    let served = Served::start().await;
    for size in [100, 2 * 1024 * 1024] {
        let mut bytes = vec![b'a'; size];
        served.write("data.bin", &bytes);
        let first = served.get("/data.bin").await;
        assert!(first.body == bytes);
        let known = async || {
            served.call("GET", "/data.bin").header("if-none-match", first.header("etag")).send().await
        };
        assert_eq!(known().await.status, 304, "{size}");
        bytes.push(b'b');
        served.write("data.bin", &bytes);
        assert!(known().await.body == bytes, "{size}");
        let part = served.call("GET", "/data.bin").header("range", "bytes=-1").send().await;
        assert_eq!((part.status, part.text().as_str()), (206, "b"));
    }
}

#[tokio::test]
async fn tools_of_a_page_run_in_its_directory_and_a_new_tool_at_once() {
    let served = Served::start().await;
    served.write("a/page.md", PAGE);
    served.write("a/here.txt", "here\n");
    assert_eq!(served.run("/a/page", &["cat", "here.txt"]).await.json()["stdout"], "here\n");
    served.run("/", &["date"]).await.assert_problem(403, "command-not-allowed");
    served.write("README.md", "---\ntools:\n  - [echo, {}]\n---\n");
    assert_eq!(served.run("/", &["echo", "hi"]).await.json()["stdout"], "hi\n");
    served.run("/", &["ls"]).await.assert_problem(403, "command-not-allowed");
    let simple = served.call("POST", "/").bytes("text/plain", br#"{"command": ["echo", "hi"]}"#.to_vec());
    simple.send().await.assert_problem(415, "unsupported-media-type");
}

#[tokio::test]
async fn a_faulty_page_runs_nothing_and_says_what_is_wrong() {
    let served = Served::start().await;
    served.write("README.md", "---\ntools:\n  - [ls]\n  - []\n---\n# Hi\n");
    let answer = served.run("/", &["ls"]).await;
    answer.assert_problem(422, "invalid");
    assert_eq!(answer.json()["errors"][0]["field"], "4:5", "{}", answer.text());
    // It can be read, and a browser is shown the faults.
    assert!(served.get("/").await.text().contains("# Hi"));
    let view = served.call("GET", "/").header("accept", "text/html").send().await.text();
    assert!(view.contains("This page has faults") && view.contains("README.md:4:5"), "{view}");
}

#[tokio::test]
async fn faults_are_told_at_the_start_and_whenever_they_change() {
    let served = Served::start().await;
    served.told(&[]).await;
    served.write("a/bad.md", "---\ntools: ls\n---\n");
    let message = "a/bad.md:2:8: `tools` must be a list of tools, not a scalar";
    served.told(&[message]).await;
    served.write("b.md", "---\ntools: ls\n---\n");
    served.told(&[message, &message.replace("a/bad", "b")]).await;
    served.write("a/bad.md", "---\ntools: []\n---\n");
    served.write("b.md", "# Fine\n");
    served.told(&[]).await;
    // Nothing is told twice.
    let told = served.told.lock().unwrap().clone();
    assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "{told:?}");
}

#[tokio::test]
async fn what_a_link_leads_out_to_is_not_there() {
    let served = Served::start().await;
    let (root, app) = (served.directory.path(), served.directory.path().join("app"));
    fs::create_dir(root.join("outside")).unwrap();
    for name in ["secret.txt", "page.md", "README.md"] {
        fs::write(root.join("outside").join(name), format!("{PAGE}planted")).unwrap();
    }
    symlink("../outside/secret.txt", app.join("relative.txt")).unwrap();
    symlink(root.join("outside/secret.txt"), app.join("absolute.txt")).unwrap();
    symlink("../outside/page.md", app.join("page.md")).unwrap();
    symlink("../outside", app.join("directory")).unwrap();
    symlink("/etc", app.join("etc")).unwrap();
    symlink("relative.txt", app.join("twice.txt")).unwrap();
    symlink("round", app.join("round")).unwrap();
    for path in [
        "/relative.txt",
        "/absolute.txt",
        "/page.md",
        "/page",
        "/directory",
        "/directory/secret.txt",
        "/directory/page",
        "/etc/passwd",
        "/twice.txt",
        "/round",
        "/round/x",
    ] {
        served.get(path).await.assert_problem(404, "not-found");
        served.run(path, &["ls"]).await.assert_problem(404, "not-found");
    }
    // One that stays inside is a file like any other.
    served.write("real.txt", "real\n");
    symlink("real.txt", app.join("alias.txt")).unwrap();
    assert_eq!(served.get("/alias.txt").await.text(), "real\n");
    // Links that lead round in a circle do not keep the search for faults going.
    symlink(".", app.join("again")).unwrap();
    served.write("bad.md", "---\ntools: ls\n---\n");
    served.told(&["bad.md:2:8: `tools` must be a list of tools, not a scalar"]).await;
}

#[tokio::test]
async fn what_is_neither_file_nor_directory_is_not_there() {
    let served = Served::start().await;
    let app = served.directory.path().join("app");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        app.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(app.join("socket")).unwrap();
    for path in ["/pipe", "/socket"] {
        served.get(path).await.assert_problem(404, "not-found");
    }
}

#[tokio::test]
async fn paths_are_held_to_the_same_as_in_a_gateway() {
    let served = Served::start().await;
    fs::write(served.directory.path().join("planted.txt"), "planted").unwrap();
    for path in [
        "/../planted.txt",
        "/%2e%2e/planted.txt",
        "/%2E%2e%2fplanted.txt",
        "//planted.txt",
        "/\\..\\planted.txt",
        "/..%5cplanted.txt",
        "/README.md%00",
        "/%2fetc/passwd",
    ] {
        served.get(path).await.assert_problem(400, "bad-path");
    }
    served.get("/%252e%252e/planted.txt").await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn hidden_files_are_served_only_when_they_are_asked_for() {
    let shut = Served::start().await;
    let open = Served::start_with(|settings| settings.hidden = true).await;
    for served in [&shut, &open] {
        served.write(".env", "SECRET=1");
        served.write(".git/config", "x");
        served.write("a/.hidden.md", "---\ntools: ls\n---\n");
    }
    for path in ["/.env", "/.git/config", "/a/.hidden"] {
        shut.get(path).await.assert_problem(404, "not-found");
        assert_eq!(open.get(path).await.status, 200, "{path}");
    }
    shut.told(&[]).await;
    open.told(&["a/.hidden.md:2:8: `tools` must be a list of tools, not a scalar"]).await;
}

/// Gives the same bytes again and again.
struct Constant(u8);

impl Entropy for Constant {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyFailed> {
        bytes.fill(self.0);
        Ok(())
    }
}

fn secret(byte: u8) -> TokenSecret {
    TokenSecret::mint(&mut Constant(byte)).unwrap()
}

#[tokio::test]
async fn tokens_are_asked_for_when_any_were_given() {
    let served = Served::start_with(|settings| settings.tokens = vec![secret(1), secret(2)]).await;
    let body = json!({ "command": ["ls"] });
    for method in ["GET", "HEAD", "POST", "PUT"] {
        let call = || served.call(method, "/").json(&body);
        assert_eq!(call().send().await.status, 401, "{method}");
        for other in [secret(3).reveal(), "tf_nonsense", ""] {
            assert_eq!(call().token(other).send().await.status, 401, "{method} {other}");
        }
        let expected = if method == "PUT" { 405 } else { 200 };
        for known in [secret(1), secret(2)] {
            assert_eq!(call().token(known.reveal()).send().await.status, expected, "{method}");
            assert_eq!(call().header("token", known.reveal()).send().await.status, expected, "{method}");
        }
    }
    served.get("/").await.assert_problem(401, "unauthorized");
    let url = served.get(&format!("/?token={}", secret(1).reveal())).await;
    url.assert_problem(400, "token-in-url");
}

#[tokio::test]
async fn a_host_name_that_somebody_made_point_here_is_refused() {
    let served = Served::start().await;
    for host in ["evil.example", "localhost.evil.example", "toolfront.local"] {
        let call = served.call("POST", "/").header("host", host).json(&json!({ "command": ["ls"] }));
        call.send().await.assert_problem(421, "misdirected-request");
        served.call("GET", "/").header("host", host).send().await.assert_problem(421, "misdirected-request");
    }
    for host in ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000"] {
        assert_eq!(served.call("GET", "/").header("host", host).send().await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn stopping_and_going_away_end_commands() {
    let served = Served::start().await;
    let (left, stopped) = (Napper::new(), Napper::new());
    let begin = |napper: &Napper| {
        let body: Value = json!({ "command": ["sleep", napper.seconds()] });
        tokio::spawn(served.call("POST", "/").json(&body).send())
    };
    let call = begin(&left);
    left.fall_asleep().await;
    call.abort();
    left.be_gone().await;
    let call = begin(&stopped);
    stopped.fall_asleep().await;
    drop(served.stop);
    // What runs may finish; this one is brought to its end from outside.
    stopped.wake();
    assert_eq!(call.await.unwrap().json()["returncode"], 128 + 9);
    served.server.await.unwrap();
}

#[tokio::test]
async fn a_server_that_would_be_open_to_others_or_has_no_directory_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let open = ServeSettings { listen: listen.parse().unwrap(), ..settings(directory.path()) };
        let refused = DevServer::bind(open, |_| {}).await.unwrap_err();
        assert!(matches!(refused, StartError::InClear { .. }), "{refused}");
    }
    fs::write(directory.path().join("file"), "x").unwrap();
    for path in ["nowhere", "file"] {
        let refused = DevServer::bind(settings(&directory.path().join(path)), |_| {}).await.unwrap_err();
        assert!(
            matches!(&refused, StartError::Directory { .. }) && refused.to_string().contains(path),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn output_is_streamed_to_whoever_asks() {
    let served = Served::start().await;
    let stream = |command: &[&str]| {
        let call = served.call("POST", "/").header("accept", "text/event-stream");
        call.json(&json!({ "command": command })).send()
    };
    let answer = stream(&["cat", "README.md"]).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/event-stream"));
    let text = answer.text();
    assert!(text.starts_with("event: stdout\ndata: {\"text\":\"---\\ntools:"), "{text}");
    assert!(text.contains("\n\nevent: exit\ndata: {\"returncode\":0,"), "{text}");
    stream(&["rm"]).await.assert_problem(403, "command-not-allowed");
}
