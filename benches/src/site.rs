//! Where it is measured: the binary, the directories, and the servers that figures share.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, ensure};

use crate::load::Generator;
use crate::machine::{Circumstances, Pinning, load_note};
use crate::plan::Plan;
use crate::servers::gateway::Home;

/// Where it is measured.
pub(crate) struct Site {
    pub(crate) plan: Plan,
    pub(crate) pinning: Pinning,
    pub(crate) generator: Generator,
    /// This program.
    pub(crate) own: PathBuf,
    pub(crate) runtime: tokio::runtime::Runtime,
    /// The Python package as it is released, when it was built.
    pub(crate) wheel: Option<PathBuf>,
    /// A PostgreSQL server, when there is one.
    pub(crate) postgres: Option<String>,
    binary: PathBuf,
    directory: tempfile::TempDir,
    homes: u32,
    crowded: Option<Rc<Home>>,
}

impl Site {
    pub(crate) fn new(
        binary: Option<&Path>,
        wheel: Option<&Path>,
        directory: Option<&Path>,
        plan: Plan,
    ) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let beside = own.parent().map(|directory| directory.join("toolfront"));
        let binary = binary.map(Path::to_owned).or(beside).unwrap_or_default();
        ensure!(binary.is_file(), "there is no toolfront binary at {}", binary.display());
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("toolfront-bench-");
        let directory = directory.map_or_else(|| builder.tempdir(), |within| builder.tempdir_in(within));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        Ok(Self {
            plan,
            pinning: Pinning::find(),
            generator: Generator::find(),
            own,
            runtime,
            wheel: wheel.map(Path::to_owned).or_else(|| built_wheel(&binary)),
            postgres: None,
            binary: std::path::absolute(binary)?,
            directory: directory.context("a directory can't be made")?,
            homes: 0,
            crowded: None,
        })
    }

    /// How it is measured.
    pub(crate) fn setting(&self) -> Vec<String> {
        let quick = if self.plan.is_quick { "quick: the figures mean little" } else { "full" };
        let generator = format!("load by {}", self.generator.name());
        vec![quick.to_owned(), generator, self.pinning.note().to_owned(), load_note()]
    }

    /// The same and how much of it, for the report.
    pub(crate) fn notes(&self) -> Vec<String> {
        let Plan { tokens, files, pairs, slice, .. } = self.plan;
        let mut notes = self.setting();
        notes.push(Circumstances::find().line());
        notes.push(format!("{pairs} pairs of 2 × {} s, medians", slice.as_secs_f64()));
        notes.push(format!("{tokens} tokens, {files} files"));
        notes
    }

    /// The toolfront binary.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// A new, empty directory.
    pub(crate) fn directory(&mut self, name: &str) -> anyhow::Result<PathBuf> {
        self.homes += 1;
        let path = self.directory.path().join(format!("{name}-{}", self.homes));
        std::fs::create_dir(&path)?;
        Ok(path)
    }

    /// A data directory with an organization and its administrator.
    pub(crate) fn home(&mut self, name: &str) -> anyhow::Result<Home> {
        let directory = self.directory(name)?;
        self.home_in(&directory)
    }

    /// The same in a directory of the caller's.
    pub(crate) fn home_in(&self, directory: &Path) -> anyhow::Result<Home> {
        Home::init(&self.binary, self.pinning, directory)
    }

    /// The data directory with many tokens; filled the first time.
    pub(crate) fn crowded_home(&mut self) -> anyhow::Result<Rc<Home>> {
        if let Some(home) = &self.crowded {
            return Ok(Rc::clone(home));
        }
        let home = self.home("crowded")?;
        home.fill(self.plan.tokens)?;
        let home = Rc::new(home);
        self.crowded = Some(Rc::clone(&home));
        Ok(home)
    }
}

/// Where `scripts/bench-python` leaves the wheel.
fn built_wheel(binary: &Path) -> Option<PathBuf> {
    let wheels = binary.parent()?.parent()?.join("wheels-release").read_dir().ok()?;
    let mut wheels = wheels.filter_map(|entry| Some(entry.ok()?.path()));
    wheels.find(|path| path.extension().is_some_and(|extension| extension == "whl"))
}
