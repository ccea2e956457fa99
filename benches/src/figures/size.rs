//! How much is shipped, what an idle gateway takes, and how long it is built.

use std::path::Path;
use std::time::Instant;

use super::memory::resting_bytes;
use crate::figure::{Figure, Goal, Line};
use crate::machine::{Core, Pinning, output};
use crate::site::Site;

pub(super) fn measure(site: &mut Site) -> anyhow::Result<Figure> {
    let empty = site.home("empty")?;
    let mut lines = vec![
        Line::alone("the binary", "MB", megabytes(site.binary())?, Goal::None),
        Line::alone("idle memory", "MB", resting_bytes(&empty)? / 1e6, Goal::AtMost(20.0)),
    ];
    if let Some(wheel) = &site.wheel {
        lines.insert(1, Line::alone("the Python wheel", "MB", megabytes(wheel)?, Goal::None));
    }
    if site.plan.builds {
        let directory = site.directory("build")?;
        lines.push(Line::alone("a clean release build", "s", clean_build(&directory)?, Goal::None));
    }
    Ok(Figure {
        name: "size",
        what: "files as they are shipped, 1 MB being 1,000,000 bytes; the resident memory of an idle gateway without tokens; \
               and with --clean-build the time that building the binary takes from nothing, downloads apart"
            .to_owned(),
        lines,
    })
}

fn megabytes(file: &Path) -> anyhow::Result<f64> {
    Ok(f64::from(u32::try_from(file.metadata()?.len())?) / 1e6)
}

/// The seconds that cargo takes for the binary and all that it depends on.
fn clean_build(directory: &Path) -> anyhow::Result<f64> {
    let cargo = |arguments: &[&str]| {
        let mut command = Pinning::none().command(Path::new("cargo"), Core::Any);
        command.args(arguments);
        command
    };
    output(&mut cargo(&["fetch", "--locked"]))?;
    let begun = Instant::now();
    let mut build = cargo(&["build", "--quiet", "--release", "--locked", "-p", "toolfront", "--target-dir"]);
    output(build.arg(directory))?;
    Ok(begun.elapsed().as_secs_f64())
}
