//! Environments and their releases.

mod confinement;
mod rows;

use std::sync::Arc;

use toolfront_app::{EnvName, Manifest};
use toolfront_token::{
    CreateEnvironment, EnvId, EnvRef, ManageEnvironment, OrgId, Permit, Timestamp, ViewEnvironment,
    Visibility,
};

pub use self::confinement::{EnvironmentLimits, Limit, Network};
pub(crate) use self::rows::{deleted, find_by_id, load};
use crate::actor::Acting;
use crate::audit::{self, Attribution, Event};
use crate::change::Change;
use crate::error::StoreError;
use crate::secrets::{self, SealedSecrets};
use crate::store::Store;
use crate::writer::{ChangeTransaction, WriteTransaction};

/// An environment, as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentRecord {
    /// Its id.
    pub id: EnvId,
    /// Whose it is.
    pub organization: OrgId,
    /// Its name.
    pub name: EnvName,
    /// Who may read and run it.
    pub visibility: Visibility,
    /// The release that is served; `None` before the first.
    pub release: Option<Release>,
    /// The network that its commands have.
    pub network: Network,
    /// The limits that its commands have of its own.
    pub limits: EnvironmentLimits,
    /// Whether its commands end as soon as the token that runs them may no longer run them.
    pub end_runs_with_token: bool,
    /// Its secrets, encrypted.
    pub secrets: SealedSecrets,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed, its secrets aside.
    pub updated_at: Timestamp,
}

/// What is known of a release without its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// 1 for the first.
    pub number: u32,
    /// How many files it has.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many of them are pages.
    pub pages: u64,
}

/// A release in the list of an environment's releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRelease {
    /// The release.
    pub release: Release,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: toolfront_token::Actor,
}

/// What is asked for when an environment is made.
#[derive(Clone, Debug)]
pub struct NewEnvironment {
    /// Its name.
    pub name: EnvName,
    /// Who may read and run it.
    pub visibility: Visibility,
    /// The files of its first release, if there are any yet.
    pub manifest: Option<Manifest>,
}

/// What changes of an environment; what is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentChange {
    /// A new name.
    pub name: Option<EnvName>,
    /// A new visibility.
    pub visibility: Option<Visibility>,
    /// Another network.
    pub network: Option<Network>,
    /// Limits that change, in this order; one that is set to `None` is the gateway's again.
    pub limits: Vec<(Limit, Option<u64>)>,
    /// Whether its commands end with the token that runs them.
    pub end_runs_with_token: Option<bool>,
}

/// Why an environment was not made or changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EnvironmentRefusal {
    /// There is none.
    #[error("no such environment")]
    NotFound,
    /// There is no such release.
    #[error("this environment has no release {0}")]
    NoSuchRelease(u32),
    /// Another environment has the name.
    #[error("the name {0} is taken")]
    NameTaken(EnvName),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes an environment, with its first release if there is one. The release's blobs must be there.
    ///
    /// # Errors
    /// [`EnvironmentRefusal::NameTaken`]; [`EnvironmentRefusal::NotFound`] when the actor was ended since its
    /// call began; or the store failed.
    pub async fn create_environment(
        &self,
        permit: &Permit<CreateEnvironment>,
        id: EnvId,
        new: NewEnvironment,
        by: Attribution,
        now: Timestamp,
    ) -> Result<EnvironmentRecord, EnvironmentRefusal> {
        let (organization, acting) = (*permit.target(), Acting::new(permit.by()));
        let NewEnvironment { name, visibility, manifest } = new;
        let files = manifest.as_ref().map(Files::of);
        self.change(move |transaction| {
            if !acting.is_alive(transaction)? {
                return Err(EnvironmentRefusal::NotFound);
            }
            if rows::id_of(transaction, &name)?.is_some() {
                return Err(EnvironmentRefusal::NameTaken(name));
            }
            let mut record = EnvironmentRecord {
                id,
                organization,
                name,
                visibility,
                release: None,
                network: Network::default(),
                limits: EnvironmentLimits::default(),
                end_runs_with_token: false,
                secrets: SealedSecrets::default(),
                created_at: now,
                updated_at: now,
            };
            rows::insert(transaction, &record)?;
            let (name, visibility) = (record.name.to_string(), rows::visibility_word(visibility));
            let event = Event::EnvironmentCreated { name, visibility };
            audit::append(transaction, &by, Some(id), &event, now)?;
            if let Some(files) = files {
                publish(transaction, &mut record, &files, &by, now)?;
            }
            transaction.note(Change::Environment(Arc::new(record.clone())));
            Ok(record)
        })
        .await
    }

    /// Makes a release of these files, and serves it. When they are the files that are served already, that
    /// release is yielded and nothing is made. The blobs must be there.
    ///
    /// # Errors
    /// [`EnvironmentRefusal::NotFound`], or the store failed.
    pub async fn publish(
        &self,
        permit: &Permit<ManageEnvironment>,
        manifest: Manifest,
        by: Attribution,
        now: Timestamp,
    ) -> Result<EnvironmentRecord, EnvironmentRefusal> {
        let environment = permit.target().environment;
        let files = Files::of(&manifest);
        self.change_environment(permit, move |transaction, record| {
            let current = record.release.as_ref().map(|release| release.number);
            let same = match current {
                Some(number) => rows::has_manifest(transaction, environment, number, &files.manifest)?,
                None => false,
            };
            if same { Ok(false) } else { publish(transaction, record, &files, &by, now).map(|()| true) }
        })
        .await
    }

    /// Serves an earlier release again.
    ///
    /// # Errors
    /// [`EnvironmentRefusal::NoSuchRelease`], or as above.
    pub async fn roll_back(
        &self,
        permit: &Permit<ManageEnvironment>,
        number: u32,
        by: Attribution,
        now: Timestamp,
    ) -> Result<EnvironmentRecord, EnvironmentRefusal> {
        let environment = permit.target().environment;
        self.change_environment(permit, move |transaction, record| {
            let release = rows::release(transaction, environment, number)?
                .ok_or(EnvironmentRefusal::NoSuchRelease(number))?
                .release;
            let from = record.release.replace(release).map(|release| release.number);
            if from == Some(number) {
                return Ok(false);
            }
            record.updated_at = now;
            let event = Event::ReleaseRolledBack { from, release: number };
            audit::append(transaction, &by, Some(environment), &event, now)?;
            Ok(true)
        })
        .await
    }

    /// Changes an environment's name, its visibility, or what its commands are confined to.
    ///
    /// # Errors
    /// [`EnvironmentRefusal::NameTaken`], or as above.
    pub async fn update_environment(
        &self,
        permit: &Permit<ManageEnvironment>,
        change: EnvironmentChange,
        by: Attribution,
        now: Timestamp,
    ) -> Result<EnvironmentRecord, EnvironmentRefusal> {
        let environment = permit.target().environment;
        self.change_environment(permit, move |transaction, record| {
            let before = record.clone();
            if let Some(name) = change.name {
                if rows::id_of(transaction, &name)?.is_some_and(|id| id != environment) {
                    return Err(EnvironmentRefusal::NameTaken(name));
                }
                record.name = name;
            }
            record.visibility = change.visibility.unwrap_or(record.visibility);
            record.network = change.network.unwrap_or(record.network);
            for (limit, value) in change.limits {
                record.limits.set(limit, value);
            }
            record.end_runs_with_token = change.end_runs_with_token.unwrap_or(record.end_runs_with_token);
            if *record == before {
                return Ok(false);
            }
            record.updated_at = now;
            let event = Event::EnvironmentUpdated {
                name: record.name.to_string(),
                visibility: rows::visibility_word(record.visibility),
                network: record.network.word(),
                limits: record.limits.clone(),
                end_runs_with_token: record.end_runs_with_token,
            };
            audit::append(transaction, &by, Some(environment), &event, now)?;
            Ok(true)
        })
        .await
    }

    /// Deletes an environment and its secrets. Its id stays in every set that names it and is never used again.
    ///
    /// # Errors
    /// [`EnvironmentRefusal::NotFound`], or the store failed.
    pub async fn delete_environment(
        &self,
        permit: &Permit<ManageEnvironment>,
        by: Attribution,
        now: Timestamp,
    ) -> Result<EnvironmentRecord, EnvironmentRefusal> {
        let (target, acting) = (*permit.target(), Acting::new(permit.by()));
        let environment = target.environment;
        self.change(move |transaction| {
            let record = find(transaction, target, acting)?;
            rows::delete(transaction, environment, now)?;
            secrets::delete_all(transaction, environment)?;
            let event = Event::EnvironmentDeleted { name: record.name.to_string() };
            audit::append(transaction, &by, Some(environment), &event, now)?;
            transaction.note(Change::EnvironmentDeleted(environment));
            Ok(record)
        })
        .await
    }

    /// The releases of an environment that is not deleted, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] when they can't be read.
    pub async fn releases(&self, permit: &Permit<ViewEnvironment>) -> Result<Vec<StoredRelease>, StoreError> {
        let target = *permit.target();
        self.read(move |connection| rows::releases(connection, target)).await
    }

    /// The files of a release; `None` when there is no such release.
    ///
    /// # Errors
    /// [`StoreError`] when they can't be read.
    pub async fn manifest(&self, environment: EnvId, release: u32) -> Result<Option<Manifest>, StoreError> {
        self.read(move |connection| rows::manifest(connection, environment, release)).await
    }

    /// Hands the manifest of every release of an environment that is not deleted to `each`.
    ///
    /// # Errors
    /// [`StoreError`] when they can't be read.
    pub async fn each_manifest(
        &self,
        environment: Option<EnvId>,
        mut each: impl FnMut(&Manifest) + Send + 'static,
    ) -> Result<(), StoreError> {
        self.read(move |connection| rows::each_manifest(connection, environment, &mut each)).await
    }

    /// Has `change` done to the record of an environment that is not deleted; it says whether anything is to
    /// be written.
    async fn change_environment(
        &self,
        permit: &Permit<ManageEnvironment>,
        change: impl FnOnce(
            &mut ChangeTransaction<'_, '_>,
            &mut EnvironmentRecord,
        ) -> Result<bool, EnvironmentRefusal>
        + Send
        + 'static,
    ) -> Result<EnvironmentRecord, EnvironmentRefusal> {
        let (target, acting) = (*permit.target(), Acting::new(permit.by()));
        self.change(move |transaction| {
            let mut record = find(transaction, target, acting)?;
            if change(transaction, &mut record)? {
                rows::update(transaction, &record)?;
                transaction.note(Change::Environment(Arc::new(record.clone())));
            }
            Ok(record)
        })
        .await
    }
}

/// The files of a release to come, in the form that they are stored in: made before the transaction, which others wait for.
struct Files {
    count: u64,
    bytes: u64,
    pages: u64,
    manifest: Vec<u8>,
}

impl Files {
    fn of(manifest: &Manifest) -> Self {
        let pages = manifest.iter().filter(|file| file.path.is_markdown()).count();
        Self {
            count: u64::try_from(manifest.len()).unwrap_or(u64::MAX),
            bytes: manifest.total_bytes(),
            pages: u64::try_from(pages).unwrap_or(u64::MAX),
            manifest: manifest.encode(),
        }
    }
}

/// The environment that a permit is for: one that is not deleted, of the permit's organization. An actor
/// that was ended since its call began finds nothing.
pub(crate) fn find(
    transaction: &WriteTransaction<'_>,
    target: EnvRef,
    acting: Acting,
) -> Result<EnvironmentRecord, EnvironmentRefusal> {
    let found = if acting.is_alive(transaction)? { rows::find(transaction, target)? } else { None };
    found.ok_or(EnvironmentRefusal::NotFound)
}

fn publish(
    transaction: &mut WriteTransaction<'_>,
    record: &mut EnvironmentRecord,
    files: &Files,
    by: &Attribution,
    now: Timestamp,
) -> Result<(), EnvironmentRefusal> {
    let number = rows::newest_release(transaction, record.id)?.saturating_add(1);
    let Files { count, bytes, pages, manifest } = files;
    let release = Release { number, files: *count, bytes: *bytes, pages: *pages };
    rows::insert_release(transaction, record.id, &release, manifest, by.actor(), now)?;
    let event = Event::ReleasePublished { release: number, files: release.files, bytes: release.bytes };
    audit::append(transaction, by, Some(record.id), &event, now)?;
    record.release = Some(release);
    record.updated_at = now;
    rows::update(transaction, record)?;
    Ok(())
}
