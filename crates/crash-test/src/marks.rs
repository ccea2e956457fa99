//! The marks that commands leave outside of their cage, which lets them write nowhere but reach the network: each connects here,
//! sends its number, and waits until that is kept.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

/// Takes marks for as long as the process lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MarkKeeper {
    address: SocketAddr,
}

impl MarkKeeper {
    /// Begins to take marks, and keeps each as an empty file of that name in `directory`.
    ///
    /// # Errors
    /// When no port or thread can be had.
    pub(crate) fn start(directory: &Path) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let directory = directory.to_owned();
        std::thread::Builder::new().name("marks".to_owned()).spawn(move || take(&listener, &directory))?;
        Ok(Self { address })
    }

    /// The script by which a command leaves its mark, for bash, which speaks TCP.
    pub(crate) fn script(self, run: u64) -> String {
        let port = self.address.port();
        format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo {run} >&3 && read -r kept <&3")
    }
}

/// The run whose mark that command leaves.
pub(crate) fn run_of(command: &[String]) -> Option<u64> {
    let (_, script) = command.last()?.split_once(" && echo ")?;
    script.split(' ').next()?.parse().ok()
}

fn take(listener: &TcpListener, directory: &Path) {
    for stream in listener.incoming().flatten() {
        let directory: PathBuf = directory.to_owned();
        // One that is killed before it has sent its number leaves no mark.
        std::thread::spawn(move || drop(keep(&stream, &directory)));
    }
}

fn keep(mut stream: &TcpStream, directory: &Path) -> std::io::Result<()> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    if let Ok(run) = line.trim_end().parse::<u64>() {
        std::fs::write(directory.join(run.to_string()), "")?;
        stream.write_all(b"kept\n")?;
    }
    Ok(())
}
