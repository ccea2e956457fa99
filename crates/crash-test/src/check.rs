//! What has to be there after a kill: on the disk, before anything else touches it; and over HTTP, after the next start.

mod database;
mod disk;
mod environments;
mod log;
mod tokens;

pub(crate) use self::disk::{Places, at_rest};
use crate::choices::Choices;
use crate::world::World;

/// How much is looked at over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What something happened to since the last check, and a sample of the rest.
    Touched,
    /// Everything.
    Whole,
}

/// Asks the gateway, finds out what became of the changes that were not answered, and compares.
pub(crate) async fn after_start(world: &World, extent: Extent, choices: &mut Choices) {
    environments::check(world).await;
    tokens::check(world, extent, choices).await;
}
