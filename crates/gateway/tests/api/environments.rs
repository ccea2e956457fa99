//! Environments: deploying, publishing, rolling back, changing and deleting them.

mod create;
mod delete;
mod deploy;
mod faults;
mod full_disk;
mod limits;
mod patch;
mod publish;
mod rollback;
