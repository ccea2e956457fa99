//! Manifests and blobs, as a client that sends only what is missing makes them.

use serde_json::{Value, json};
use toolfront_app::BlobDigest;

use super::client::Answer;
use super::gateway::{Issued, TestGateway};

pub(crate) fn checksum_of(bytes: &[u8]) -> String {
    BlobDigest::of(bytes).to_string()
}

/// A file of a manifest.
pub(crate) fn entry(path: &str, bytes: &[u8]) -> Value {
    json!({ "path": path, "checksum": checksum_of(bytes), "size": bytes.len() })
}

impl TestGateway {
    /// Sends the bytes of a file.
    pub(crate) async fn put_blob(&self, token: &Issued, checksum: &str, bytes: &[u8]) -> Answer {
        let call = self.call("PUT", &format!("/api/v1/blobs/{checksum}")).token(&token.value);
        call.bytes("application/octet-stream", bytes.to_vec()).send().await
    }

    /// Announces a manifest: what it is published by, and what the gateway wants of it.
    pub(crate) async fn announce(
        &self,
        token: &Issued,
        query: &str,
        manifest: &Value,
    ) -> (String, Vec<String>) {
        let call = self.call("POST", &format!("/api/v1/uploads{query}")).token(&token.value);
        let data = call.json(manifest).send().await.data();
        let missing = data["missing"].as_array().unwrap();
        let missing = missing.iter().map(|checksum| checksum.as_str().unwrap().to_owned()).collect();
        (data["upload"].as_str().unwrap().to_owned(), missing)
    }

    /// What the gateway wants of a manifest.
    pub(crate) async fn missing(&self, token: &Issued, query: &str, manifest: &Value) -> Vec<String> {
        self.announce(token, query, manifest).await.1
    }

    /// Deploys by uploading, as the admin: each file with its mode.
    pub(crate) async fn deploy_manifest(&self, name: &str, files: &[(&str, &[u8], u32)]) -> Answer {
        let mut manifest = Vec::new();
        for (path, bytes, mode) in files {
            let sent = self.put_blob(&self.admin, &checksum_of(bytes), bytes).await;
            assert_eq!(sent.status, 201, "{}", sent.text());
            let mut file = entry(path, bytes);
            file["mode"] = (*mode).into();
            manifest.push(file);
        }
        let body = json!({ "manifest": manifest });
        self.as_admin("PUT", &format!("/api/v1/environments/by-name/{name}")).json(&body).send().await
    }
}
