//! Creating, publishing, rolling back and deleting environments.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use toolfront_api::{CreateEnvironment, InlineFile, ManifestEntry, Publish, Upload};
use toolfront_client::{BlobError, ClientError};
use toolfront_token::EnvId;

use crate::choices::Choices;
use crate::content::{CHANGING, File, Revision};
use crate::findings::Promise;
use crate::ledger::{EnvironmentChange, Operation};
use crate::world::{Answer, Outcome, World};

/// A change that a worker has taken on.
struct Task {
    slot: usize,
    name: String,
    id: Option<EnvId>,
    change: EnvironmentChange,
    operation: Operation,
}

/// What the gateway says of an environment that was changed.
struct Changed {
    id: EnvId,
    release: u32,
}

/// Changes environments until the gateway is gone.
pub(super) async fn change(world: World, mut choices: Choices, worker: usize) {
    let uploads = world.uploads.join(worker.to_string());
    while !world.is_stopping() {
        match begin(&world, &mut choices) {
            Some(task) => carry_out(&world, &mut choices, &uploads, task).await,
            None => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    }
}

fn begin(world: &World, choices: &mut Choices) -> Option<Task> {
    let mut ledger = world.ledger();
    let index = choices.below(ledger.slots.len());
    let slot = ledger.slots.get_mut(index)?;
    let change = slot.begin(choices)?;
    let (name, id) = (slot.name(), slot.living().map(|living| living.id));
    let operation = match change {
        EnvironmentChange::Create(_) | EnvironmentChange::Publish(_) => Operation::Deploy,
        EnvironmentChange::RollBack(_) => Operation::RollBack,
        EnvironmentChange::Delete => Operation::Delete,
    };
    ledger.sent(operation);
    Some(Task { slot: index, name, id, change, operation })
}

async fn carry_out(world: &World, choices: &mut Choices, uploads: &PathBuf, task: Task) {
    let id = task.id.map_or_else(|| task.name.clone(), |id| id.to_string());
    let answer = match task.change {
        EnvironmentChange::Create(revision) => create(world, choices, uploads, &task.name, revision).await,
        EnvironmentChange::Publish(revision) => {
            match release(world, choices, uploads, &task.name, revision).await {
                Ok(release) => world.admin.publish(&id, &release).await.map(|environment| Changed {
                    id: environment.id,
                    release: environment.release.unwrap_or_default(),
                }),
                Err(lost) => Err(lost),
            }
        }
        EnvironmentChange::RollBack(earlier) => {
            let answer = world.admin.rollback(&id, earlier).await;
            answer.map(|published| Changed { id: published.id, release: published.release.release })
        }
        EnvironmentChange::Delete => {
            let answer = world.admin.delete_environment(&id).await;
            answer.map(|environment| Changed { id: environment.id, release: 0 })
        }
    };
    match Outcome::of(answer) {
        Outcome::Acknowledged(changed) => {
            settle(world, &task, &changed);
            look_at(world, &task, changed.id).await;
        }
        Outcome::Refused(refusal) => {
            let mut ledger = world.ledger();
            ledger.refused(task.operation);
            if let Some(slot) = ledger.slots.get_mut(task.slot) {
                slot.not_done();
            }
            drop(ledger);
            let told = format!("{}: {:?} was refused: {refusal}", task.name, task.change);
            world.findings.violated(Promise::Answers, told);
        }
        Outcome::Unknown => {}
    }
}

fn settle(world: &World, task: &Task, changed: &Changed) {
    let mut ledger = world.ledger();
    ledger.acknowledged(task.operation);
    let Some(slot) = ledger.slots.get_mut(task.slot) else { return };
    slot.done(changed.id, changed.release);
    drop(ledger);
    let same = match task.change {
        EnvironmentChange::RollBack(earlier) => earlier == changed.release,
        _ => true,
    } && task.id.is_none_or(|id| id == changed.id);
    world.findings.check(Promise::Answers, same, || {
        format!("{}: {:?} was answered with {} at {}", task.name, task.change, changed.id, changed.release)
    });
}

/// Reads what the change was about, unless somebody has changed it again meanwhile.
async fn look_at(world: &World, task: &Task, id: EnvId) {
    let (version, served) = match world.ledger().slots.get(task.slot) {
        Some(slot) if slot.change().is_none() => (slot.version(), slot.served()),
        _ => return,
    };
    let unchanged = || world.ledger().slots.get(task.slot).is_some_and(|slot| slot.version() == version);
    match served {
        None => {
            let answer = world.read_as_admin(&format!("/api/v1/environments/{id}")).await;
            if let Answer::Whole { status, .. } = answer {
                let holds = status == 404;
                world.findings.check(Promise::DeletedIsGone, holds, || {
                    format!("{id} ({}) was deleted, and is answered {status}", task.name)
                });
            }
        }
        Some(revision) => {
            let files = world.content.files(revision);
            let Some(file) = files.iter().find(|file| file.path == CHANGING) else { return };
            let answer = world.read_as_admin(&format!("/e/{}/{CHANGING}", task.name)).await;
            if unchanged() && matches!(answer, Answer::Whole { .. }) {
                world.compare(&task.name, file, &answer, &format!("revision {}", revision.number));
            }
        }
    }
}

async fn create(
    world: &World,
    choices: &mut Choices,
    uploads: &PathBuf,
    name: &str,
    revision: Revision,
) -> Result<Changed, ClientError> {
    if choices.percent(50) {
        let release = release(world, choices, uploads, name, revision).await?;
        let deployed = world.admin.create_or_publish(name, &release).await?;
        let release = deployed.environment.release.unwrap_or_default();
        return Ok(Changed { id: deployed.environment.id, release });
    }
    let files = Some(inline(&world.content.files(revision)));
    let new = CreateEnvironment { name: name.to_owned(), files, ..CreateEnvironment::default() };
    let environment = world.admin.create_environment(&new).await?;
    Ok(Changed { id: environment.id, release: environment.release.unwrap_or_default() })
}

/// The files of a release in the request itself; or uploaded before, as the command line does it.
async fn release(
    world: &World,
    choices: &mut Choices,
    uploads: &PathBuf,
    name: &str,
    revision: Revision,
) -> Result<Publish, ClientError> {
    let files = world.content.files(revision);
    if choices.percent(40) {
        return Ok(Publish { files: Some(inline(&files)), ..Publish::default() });
    }
    let entry = |file: &File| ManifestEntry {
        path: file.path.clone(),
        checksum: file.digest.to_string(),
        size: file.bytes.len().try_into().unwrap_or(u64::MAX),
        mode: Some(0o644),
    };
    let manifest: Vec<ManifestEntry> = files.iter().map(entry).collect();
    let Upload { upload, missing } = world.admin.announce_upload(name, &manifest, false).await?;
    for (file, entry) in files.iter().zip(&manifest) {
        if missing.contains(&entry.checksum) {
            send(world, uploads, file, entry.size).await?;
        }
    }
    Ok(Publish { upload: Some(upload), ..Publish::default() })
}

async fn send(world: &World, uploads: &PathBuf, file: &File, size: u64) -> Result<(), ClientError> {
    let path = uploads.join(file.path.replace('/', "-"));
    let written = match tokio::fs::create_dir_all(uploads).await {
        Ok(()) => tokio::fs::write(&path, &file.bytes).await,
        Err(fault) => Err(fault),
    };
    let sent = match written {
        Ok(()) => world.admin.send_blob(&file.digest, size, &path).await,
        Err(fault) => Err(BlobError::Unreadable(fault)),
    };
    sent.map_err(|fault| match fault {
        BlobError::Call(fault) => fault,
        // Nothing was sent then: the change is without an answer, and the check finds that it was not made.
        BlobError::Unreadable(_) | BlobError::Changed => {
            ClientError::BrokenOff { url: path.display().to_string(), reason: "not readable".to_owned() }
        }
    })
}

fn inline(files: &[File]) -> Vec<InlineFile> {
    let inline = |file: &File| InlineFile {
        path: file.path.clone(),
        content: STANDARD.encode(&file.bytes),
        checksum: file.digest.to_string(),
    };
    files.iter().map(inline).collect()
}
