//! Where a gateway keeps its blobs, as it is written in an option, a variable or the file.

use std::path::Path;

use toolfront_gateway::{BlobPlace, S3Place};

use crate::failure::Failure;
use crate::settings::Variables;

/// Reads an absolute path, or `s3://bucket/prefix`; how to get at the bucket the variables say.
///
/// # Errors
/// When it is neither, and why.
pub(super) fn parse(text: &str, variables: &Variables) -> Result<BlobPlace, Failure> {
    if text.contains("://") {
        let known = S3Place::VARIABLES.iter().filter_map(|name| Some((*name, variables.value_of(name)?)));
        let place = S3Place::parse(text, known);
        return place
            .map(BlobPlace::S3)
            .map_err(|fault| Failure::wrong_use(format!("the place of the blobs: {fault}")));
    }
    let path = Path::new(text);
    if path.is_absolute() {
        return Ok(BlobPlace::Directory(path.to_owned()));
    }
    Err(Failure::wrong_use(format!(
        "{text:?} is no place for blobs: give an absolute path, which all gateways have, or s3://bucket/prefix"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, variables: &[(&'static str, &str)]) -> Result<BlobPlace, Failure> {
        parse(text, &Variables::of(variables.iter().map(|(name, value)| (*name, (*value).into()))))
    }

    #[test]
    fn a_place_is_an_absolute_path_or_a_bucket() {
        let directory = parsed("/mnt/blobs", &[]);
        assert!(matches!(directory, Ok(BlobPlace::Directory(path)) if path == Path::new("/mnt/blobs")));
        let bucket = parsed("s3://blobs/apps", &[("AWS_REGION", "eu-central-1")]);
        assert!(matches!(bucket, Ok(BlobPlace::S3(place)) if place.to_string() == "s3://blobs/apps"));
    }

    #[test]
    fn what_is_neither_is_refused_with_what_to_write() {
        for text in ["blobs", "./blobs", "gs://blobs", "s3://", "s3:///apps"] {
            let refused = parsed(text, &[]).unwrap_err();
            assert!(refused.message().contains("s3://bucket/prefix"), "{}", refused.message());
        }
    }

    #[test]
    fn an_endpoint_in_clear_is_refused_without_showing_a_secret() {
        let variables =
            [("AWS_SECRET_ACCESS_KEY", "hunter2"), ("AWS_ENDPOINT_URL", "http://me:hunter2@s3.example.com")];
        let refused = parsed("s3://blobs", &variables).unwrap_err();
        assert!(refused.message().contains("AWS_ALLOW_HTTP"), "{}", refused.message());
        assert!(!refused.message().contains("hunter2"), "{}", refused.message());
    }
}
