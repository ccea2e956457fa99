//! Where the blobs are in an object store that speaks the protocol of S3, and what lets the gateway in.

use std::fmt;

use object_store::aws::AmazonS3ConfigKey;
use object_store::path::Path;
use zeroize::Zeroizing;

/// A bucket, a prefix of the names in it, and how to get at it. Neither its `Debug` nor its text shows a secret.
#[derive(Clone)]
pub struct S3Place {
    bucket: String,
    prefix: Path,
    settings: Vec<(AmazonS3ConfigKey, Zeroizing<String>)>,
}

/// Why a text is no place in an object store. It repeats no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum S3PlaceFault {
    /// It is something else.
    #[error("an object store is given as s3://bucket/prefix")]
    OtherScheme,
    /// There is no bucket, or what is in its place can't be one's name.
    #[error("{0:?} is no name of a bucket: write it as s3://bucket/prefix")]
    Bucket(String),
    /// The prefix can't be part of an object's name.
    #[error(
        "{0:?} is no prefix of objects: write it as s3://bucket/prefix, with plain names between the slashes"
    )]
    Prefix(String),
    /// Everything would go over the network in clear.
    #[error(
        "the endpoint {0} is not encrypted: give it as https://…, or set AWS_ALLOW_HTTP=true if the network to it is safe"
    )]
    PlainHttp(String),
}

impl S3Place {
    /// The variables that say how to get at an object store, as Amazon's own tools have them, and two that tell
    /// what those find out by themselves. Without keys among them a role of the machine, container or pod is taken.
    pub const VARIABLES: [&'static str; 17] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_ALLOW_HTTP",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL_STS",
        "AWS_REGION",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SERVER_SIDE_ENCRYPTION",
        "AWS_SESSION_TOKEN",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ];

    /// Reads `s3://bucket/prefix`, the prefix being optional. Of the variables those count that are among
    /// [`S3Place::VARIABLES`]. An endpoint that is not encrypted is taken when it is on this machine.
    ///
    /// # Errors
    /// [`S3PlaceFault`] says what is wrong with it.
    pub fn parse<'v>(
        url: &str,
        variables: impl IntoIterator<Item = (&'v str, String)>,
    ) -> Result<Self, S3PlaceFault> {
        let named = url.strip_prefix("s3://").ok_or(S3PlaceFault::OtherScheme)?;
        let (bucket, prefix) = named.split_once('/').unwrap_or((named, ""));
        let admitted =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        if bucket.len() < 3 || bucket.len() > 63 || !bucket.bytes().all(admitted) {
            return Err(S3PlaceFault::Bucket(bucket.to_owned()));
        }
        let told = || S3PlaceFault::Prefix(prefix.to_owned());
        let parsed = Path::parse(prefix).map_err(|_| told())?;
        if prefix.contains(['?', '#', '@']) {
            return Err(told());
        }
        let mut settings = Vec::new();
        for (name, value) in variables.into_iter().filter(|(name, _)| Self::VARIABLES.contains(name)) {
            if let Ok(key) = name.to_ascii_lowercase().parse() {
                settings.push((key, Zeroizing::new(value)));
            }
        }
        let mut place = Self { bucket: bucket.to_owned(), prefix: parsed, settings };
        place.judge_endpoint()?;
        Ok(place)
    }

    fn judge_endpoint(&mut self) -> Result<(), S3PlaceFault> {
        let allow = AmazonS3ConfigKey::Client(object_store::ClientConfigKey::AllowHttp);
        let is_endpoint = |key: &AmazonS3ConfigKey| {
            matches!(key, AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint)
        };
        let plain = self.settings.iter().find(|(key, url)| is_endpoint(key) && url.starts_with("http://"));
        let Some((_, url)) = plain else { return Ok(()) };
        let is_allowed = self.settings.iter().any(|(key, value)| *key == allow && value.as_str() == "true");
        let host = url.trim_start_matches("http://");
        let is_here = ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| {
            host.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
        });
        if is_here {
            self.settings.push((allow, Zeroizing::new("true".to_owned())));
        } else if !is_allowed {
            // What stands before an @ would be a secret.
            let shown = host.rsplit('@').next().unwrap_or_default();
            return Err(S3PlaceFault::PlainHttp(format!("http://{shown}")));
        }
        Ok(())
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    pub(crate) fn prefix(&self) -> &Path {
        &self.prefix
    }

    pub(crate) fn settings(&self) -> impl Iterator<Item = (AmazonS3ConfigKey, &str)> {
        self.settings.iter().map(|(key, value)| (*key, value.as_str()))
    }
}

impl fmt::Display for S3Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if self.prefix.is_root() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl fmt::Debug for S3Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Place({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, variables: &[(&'static str, &str)]) -> Result<S3Place, S3PlaceFault> {
        S3Place::parse(url, variables.iter().map(|(name, value)| (*name, (*value).to_owned())))
    }

    #[test]
    fn a_place_is_a_bucket_and_a_prefix() {
        for (url, told) in [
            ("s3://blobs", "s3://blobs"),
            ("s3://blobs/", "s3://blobs"),
            ("s3://blobs/apps/main/", "s3://blobs/apps/main"),
        ] {
            assert_eq!(parse(url, &[]).unwrap().to_string(), told);
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        assert_eq!(parse("gs://blobs", &[]).unwrap_err(), S3PlaceFault::OtherScheme);
        for bucket in ["", "ab", "Blobs", "key:secret@blobs"] {
            let refused = parse(&format!("s3://{bucket}/apps"), &[]).unwrap_err();
            assert_eq!(refused, S3PlaceFault::Bucket(bucket.to_owned()));
        }
        for prefix in ["a//b", "../b", "a?versions", "a#b"] {
            let refused = parse(&format!("s3://blobs/{prefix}"), &[]).unwrap_err();
            assert_eq!(refused, S3PlaceFault::Prefix(prefix.to_owned()));
        }
    }

    #[test]
    fn a_secret_is_shown_nowhere() {
        let variables = [("AWS_SECRET_ACCESS_KEY", "hunter2"), ("AWS_ACCESS_KEY_ID", "AKID")];
        assert_eq!(format!("{:?}", parse("s3://blobs/a", &variables).unwrap()), "S3Place(s3://blobs/a)");
        let refused = parse("s3://blobs", &[("AWS_ENDPOINT_URL", "http://me:hunter2@s3.example.com")]);
        let told = refused.unwrap_err().to_string();
        assert!(told.contains("s3.example.com") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn an_endpoint_that_is_not_encrypted_has_to_be_allowed_or_here() {
        let elsewhere = ("AWS_ENDPOINT_URL_S3", "http://s3.example.com");
        assert!(matches!(parse("s3://blobs", &[elsewhere]), Err(S3PlaceFault::PlainHttp(_))));
        let allowed = ("AWS_ALLOW_HTTP", "true");
        for variables in [
            &[elsewhere, allowed][..],
            &[("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")],
            &[("AWS_ENDPOINT_URL", "http://localhost/")],
            &[("AWS_ENDPOINT_URL", "https://s3.example.com")],
        ] {
            parse("s3://blobs", variables).unwrap();
        }
        let alike = ("AWS_ENDPOINT_URL", "http://localhost.example.com");
        assert!(matches!(parse("s3://blobs", &[alike]), Err(S3PlaceFault::PlainHttp(_))));
    }

    #[test]
    fn each_variable_means_something() {
        for name in S3Place::VARIABLES {
            assert!(name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>().is_ok(), "{name}");
        }
    }
}
