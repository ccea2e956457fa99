//! `/api/v1/uploads` and `/api/v1/blobs`: sending only what is missing.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde::Deserialize;
use tokio::sync::mpsc;
use toolfront_api::{Code, Data, ManifestEntry, Problem, Upload};
use toolfront_app::{BlobDigest, EnvName};
use toolfront_store::{BlobError, BlobWriter};
use toolfront_token::UploadBlobs;
use utoipa::IntoParams;

use super::deploying::{self, Deployer};
use super::described::{Routes, routes};
use super::query::Query;
use crate::access::{Allow, PathParameter};
use crate::body::JsonList;
use crate::gateway::Gateway;
use crate::problem::Refusal;

/// How many pieces of a blob wait to be written.
const PIECES_MAX: usize = 4;

pub(super) fn router() -> Routes {
    Routes::default().routes(routes!(announce)).routes(routes!(put))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UploadQuery {
    /// The environment, by id or name, whose present files need not be sent again.
    environment: Option<String>,
    /// Whether hidden files are admitted.
    #[serde(default)]
    hidden: bool,
}

/// Takes in the manifest of a release to come, and says which of its files have to be sent.
#[utoipa::path(
    post,
    path = "/api/v1/uploads",
    operation_id = "list_missing_blobs",
    tag = "environments",
    params(UploadQuery),
    request_body = Vec<ManifestEntry>,
    responses(
        (status = 200, description = "The blobs that are missing, and what it is published by then", body = Data<Upload>),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn announce(
    Allow(permit): Allow<UploadBlobs>,
    State(gateway): State<Gateway>,
    Query(query): Query<UploadQuery>,
    JsonList(entries): JsonList<ManifestEntry>,
) -> Result<axum::Json<Data<Upload>>, Refusal> {
    let caller = permit.by().ok_or_else(Refusal::hidden)?;
    // Deploying by name makes a label of what is given, so that the same is meant here.
    let environments = gateway.memory().trusted()?.environments();
    let by_label = |text| EnvName::parse(text).ok().and_then(|name| environments.by_name(name.as_str()));
    let named = query.environment.as_deref();
    let named = named.and_then(|text| environments.named(text).or_else(|| by_label(text)));
    let visible = named.filter(|environment| {
        environment.record.organization == *permit.target()
            && caller.environments().contains(environment.record.id)
    });
    let deployer =
        Deployer { token: caller.token(), environment: visible.as_deref(), allow_hidden: query.hidden };
    let (upload, missing) = deploying::announce(&gateway, deployer, entries).await?;
    let missing = missing.iter().map(ToString::to_string).collect();
    Ok(axum::Json(Data { data: Upload { upload: upload.to_string(), missing } }))
}

/// Takes in the bytes of a file.
#[utoipa::path(
    put,
    path = "/api/v1/blobs/{checksum}",
    operation_id = "put_blob",
    tag = "environments",
    params(("checksum" = String, Path, description = "`sha256:` and 64 lower-case hexadecimal digits")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "The file is here"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn put(
    Allow(permit): Allow<UploadBlobs>,
    State(gateway): State<Gateway>,
    PathParameter(checksum): PathParameter,
    request: Request<Body>,
) -> Result<StatusCode, Refusal> {
    let caller = permit.by().ok_or_else(Refusal::hidden)?;
    let digest = BlobDigest::parse(&checksum).map_err(|fault| Refusal::invalid_field("checksum", fault))?;
    let limits = gateway.limits();
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()).and_then(|length| length.parse().ok());
    if announced.is_some_and(|length: u64| length > limits.file_bytes_max) {
        return Err(too_large(limits.file_bytes_max));
    }
    let writer = gateway.store().blobs().begin(digest)?;
    let (pieces, incoming) = mpsc::channel(PIECES_MAX);
    let written = tokio::task::spawn_blocking(move || write(writer, incoming));
    let sent = send(request.into_body(), &pieces, limits.file_bytes_max, limits.body_time).await;
    if sent.is_err() {
        // The writer must not take what has come so far for the whole.
        let _ = pieces.send(None).await;
    }
    drop(pieces);
    let written = written.await.map_err(|err| Refusal::internal(&err))?;
    sent?;
    written?;
    gateway.uploads().note(caller.token(), digest, gateway.now());
    gateway.store().note_upload(caller.token(), digest, gateway.now()).await?;
    Ok(StatusCode::CREATED)
}

fn too_large(max: u64) -> Refusal {
    Refusal::new(Code::TooLarge, format!("A file may have {max} bytes at most."))
}

/// Writes the pieces as they come; `None` among them says that the rest will not come.
fn write(mut writer: BlobWriter, mut pieces: mpsc::Receiver<Option<Bytes>>) -> Result<(), BlobError> {
    while let Some(piece) = pieces.blocking_recv() {
        let Some(piece) = piece else { return Ok(()) };
        writer.write(&piece)?;
    }
    writer.finish()
}

async fn send(
    mut body: Body,
    pieces: &mpsc::Sender<Option<Bytes>>,
    max: u64,
    piece_time: Duration,
) -> Result<(), Refusal> {
    let mut size = 0_u64;
    loop {
        let frame = tokio::time::timeout(piece_time, body.frame()).await;
        let frame =
            frame.map_err(|_| Refusal::new(Code::BadRequest, "The next piece did not arrive in time."))?;
        let Some(frame) = frame else { return Ok(()) };
        let frame = frame.map_err(|_| Refusal::new(Code::BadRequest, "The body broke off."))?;
        let Ok(piece) = frame.into_data() else { continue };
        size = size.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if size > max {
            return Err(too_large(max));
        }
        if pieces.send(Some(piece)).await.is_err() {
            // The writer has failed, and tells why.
            return Ok(());
        }
    }
}
