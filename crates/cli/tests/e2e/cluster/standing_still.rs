//! A gateway that stands still, and one that is gone.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::world::{Cluster, eventually};
use crate::server::Server;

/// How many connections ask a gateway at once.
const CONNECTIONS: usize = 48;
/// How often each of them asks at the least.
const REQUESTS_MIN: usize = 20;
/// How many of the last answers have to be that the value is refused.
const REFUSALS: usize = 5;

fn signal(node: &Server, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(node.pid()).unwrap()).unwrap(), signal).unwrap();
}

/// A gateway that stands still goes on when this is dropped.
struct Stopped<'s>(&'s Server);

impl<'s> Stopped<'s> {
    fn new(node: &'s Server) -> Self {
        signal(node, Signal::STOP);
        Self(node)
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        signal(self.0, Signal::CONT);
    }
}

/// A connection that is kept, to read a page again and again.
struct Reader {
    stream: BufReader<TcpStream>,
    request: String,
}

impl Reader {
    fn open(node: &Server, value: &str) -> Self {
        let stream = TcpStream::connect(&node.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let request = format!(
            "GET /e/docs HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {value}\r\n\r\n",
            node.address
        );
        Self { stream: BufReader::new(stream), request }
    }

    fn ask(&mut self) {
        self.stream.get_mut().write_all(self.request.as_bytes()).unwrap();
    }

    /// Reads an answer, and yields its status.
    fn answer(&mut self) -> u16 {
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            assert!(self.stream.read_line(&mut line).unwrap() > 0, "the connection ended");
            if status == 0 {
                status = line.split(' ').nth(1).unwrap().parse().unwrap();
            }
            let line = line.to_ascii_lowercase();
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
            assert!(!line.starts_with("transfer-encoding:"), "{line}");
            if line == "\r\n" {
                break;
            }
        }
        self.stream.read_exact(&mut vec![0; length]).unwrap();
        status
    }
}

#[test]
fn a_gateway_that_stood_still_lets_in_no_value_that_was_revoked_meanwhile() {
    let cluster = Cluster::start();
    let token = cluster.issue(0, None);
    assert_eq!(cluster.read_everywhere("docs", &token.value), [200; 3]);
    let node = &cluster.nodes[2];
    // Half of them are known to the gateway before it stands still.
    let mut readers: Vec<_> = (0..CONNECTIONS / 2).map(|_| Reader::open(node, &token.value)).collect();
    for reader in &mut readers {
        reader.ask();
        assert_eq!(reader.answer(), 200);
    }

    let stopped = Stopped::new(node);
    // Answered although one gateway says nothing; the others refuse the value from now on.
    cluster.revoke(0, &token);
    for node in &cluster.nodes[..2] {
        assert_eq!(node.get("/e/docs", &token.value).status, 401);
    }
    // What is asked now, it finds when it goes on: all of it was sent after the revocation was answered.
    readers.extend((0..CONNECTIONS / 2).map(|_| Reader::open(node, &token.value)));
    let (asked, all_asked) = mpsc::channel();
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    std::thread::scope(|scope| {
        let ask = |mut reader: Reader| {
            let asked = asked.clone();
            scope.spawn(move || {
                reader.ask();
                asked.send(()).unwrap();
                let mut answers = vec![reader.answer()];
                while answers.len() < REQUESTS_MIN || !answers.ends_with(&[401; REFUSALS]) {
                    reader.ask();
                    answers.push(reader.answer());
                    assert!(*answers.last().unwrap() != 200, "let in");
                }
                answers
            })
        };
        let asking: Vec<_> = readers.into_iter().map(ask).collect();
        for _ in 0..CONNECTIONS {
            all_asked.recv().unwrap();
        }
        drop(stopped);
        for thread in asking {
            for status in thread.join().unwrap() {
                *counts.entry(status).or_default() += 1;
            }
        }
    });
    assert_eq!(counts.get(&200), None, "{counts:?}");
    assert!(counts.keys().all(|status| [401, 503].contains(status)), "{counts:?}");

    // It has caught up, and does all of its work again.
    eventually("its being ready", || (node.get("/readyz", "").status == 200).then_some(()));
    let token = cluster.issue(2, None);
    assert_eq!(cluster.read_everywhere("docs", &token.value), [200; 3]);
    cluster.revoke(1, &token);
    assert_eq!(cluster.read_everywhere("docs", &token.value), [401; 3]);
}

#[test]
fn a_gateway_that_is_killed_keeps_the_others_from_nothing_and_its_commands_get_their_end() {
    let mut cluster = Cluster::start();
    let runner = cluster.issue(0, None);
    let killed = cluster.nodes.pop().unwrap();
    let client = killed.client();
    let body = json!({ "command": ["sleep", format!("600.{}", std::process::id())] }).to_string();
    let value = runner.value.clone();
    // Its answer never comes: the connection ends with the gateway, which is no failure of the test.
    let waiting = std::thread::spawn(move || {
        let sent = std::panic::catch_unwind(|| client.send("POST", "/e/docs", &value, &body));
        drop(sent);
    });
    let count = |cluster: &Cluster, action: &str| {
        let events = cluster.actions(0, &runner);
        events.iter().filter(|(found, _)| found == action).count()
    };
    eventually("the command's begin", || (count(&cluster, "run.begin") == 1).then_some(()));
    assert_eq!(count(&cluster, "run.end"), 0);
    killed.kill();
    waiting.join().unwrap();

    // Changes go on at the others, at once or when its lease is over.
    let token = cluster.issue(0, None);
    assert_eq!(cluster.read_everywhere("docs", &token.value), [200; 2]);
    cluster.revoke(1, &token);
    assert_eq!(cluster.read_everywhere("docs", &token.value), [401; 2]);
    cluster.deploy(1, "docs", &format!("{}changed\n", super::PAGE));
    assert!(cluster.nodes[0].get("/e/docs", &cluster.admin).body.contains("changed"));

    // Nobody starts it again: the others find out, and say how its command ended.
    let end = eventually("the command's end", || {
        cluster.actions(1, &runner).into_iter().find(|(action, _)| action == "run.end")
    });
    assert!(end.1.to_string().contains("interrupted"), "{}", end.1);

    // It comes back on its directory, and is one of them again.
    let node = cluster.start_node(2);
    cluster.nodes.push(node);
    let token = cluster.issue(2, None);
    assert_eq!(cluster.read_everywhere("docs", &token.value), [200; 3]);
    cluster.revoke(0, &token);
    assert_eq!(cluster.read_everywhere("docs", &token.value), [401; 3]);
}
