//! What is deployed: the files of a revision, a pure function of its number.

use std::fmt::Write;

use toolfront_app::BlobDigest;

use crate::choices::Choices;
use crate::marks::MarkKeeper;

/// One deployment's worth of files, for one environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    /// Of which environment.
    pub(crate) slot: usize,
    /// Which of its deployments; never used twice.
    pub(crate) number: u32,
}

/// A file as it is sent, and as it has to be served.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: BlobDigest,
}

/// Makes the files.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    seed: u64,
    marks: MarkKeeper,
}

/// The page whose tool leaves the marks.
pub(crate) const PAGE: &str = "README.md";
/// The file that is another one in each revision.
pub(crate) const CHANGING: &str = "data/changing.txt";

impl Content {
    pub(crate) fn new(seed: u64, marks: MarkKeeper) -> Self {
        Self { seed, marks }
    }

    /// A page with a tool, a file that changes each time, one that changes each fourth time, one that all environments share,
    /// and now and then one that is too large for the gateway's memory.
    pub(crate) fn files(&self, revision: Revision) -> Vec<File> {
        let Revision { slot, number } = revision;
        let mut files = vec![
            self.page(revision),
            self.text(CHANGING, slot, number, 12_000),
            self.text("data/seldom.txt", slot, number / 4, 3_000),
            self.text("data/shared.txt", usize::MAX, 0, 20_000),
        ];
        if number % 16 == 5 {
            files.push(self.text("data/large.txt", slot, number, 1_300_000));
        }
        files
    }

    /// The command that leaves the mark of a run.
    pub(crate) fn command(&self, run: u64) -> Vec<String> {
        vec!["bash".to_owned(), "-c".to_owned(), self.marks.script(run)]
    }

    fn page(&self, Revision { slot, number }: Revision) -> File {
        let page = format!(
            "---\ntools:\n  - [bash, -c, {{ }}, ;]\n---\n# Environment {slot}, revision {number}\n\nSeed {:016x}.\n",
            self.seed
        );
        file(PAGE, page.into_bytes())
    }

    fn text(&self, path: &str, slot: usize, number: u32, bytes_max: usize) -> File {
        let slot = u64::try_from(slot).unwrap_or(u64::MAX);
        let name = BlobDigest::of(path.as_bytes());
        let name = name.as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
        let mut choices = Choices::new(self.seed, slot.rotate_left(32) ^ u64::from(number) ^ name);
        let bytes = bytes_max / 2 + choices.below(bytes_max / 2);
        let mut text = String::with_capacity(bytes + 17);
        while text.len() < bytes {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{:016x}", choices.next());
        }
        file(path, text.into_bytes())
    }
}

fn file(path: &str, bytes: Vec<u8>) -> File {
    File { path: path.to_owned(), digest: BlobDigest::of(&bytes), bytes }
}
