//! A data directory whose blobs are in an object store that other gateways have too.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use toolfront_app::BlobDigest;
use toolfront_store::{BlobPlace, Blobs, ChangeSink, OpenError, S3Place, Store, StorePlace, Summary};
use toolfront_token::Timestamp;

use super::sqlite::Sqlite;
use super::{AuditEvent, Backend, Shared};

const BUCKET: &str = "blobs";

pub(crate) struct S3 {
    pub(crate) own: Sqlite,
    pub(crate) prefix: String,
}

/// Where a store that speaks S3 answers; `scripts/test` starts one.
#[expect(clippy::disallowed_methods, reason = "this is how the tests are told")]
pub(crate) fn endpoint() -> String {
    let Ok(endpoint) = std::env::var("TOOLFRONT_TEST_S3") else {
        panic!(
            "TOOLFRONT_TEST_S3 has to be the endpoint of a store that speaks S3: run scripts/test, which starts one, \
             or scripts/s3-server by the interpreter that `scripts/python-env 'moto[s3,server]==5.2.5'` prints, and \
             export what that server prints"
        );
    };
    endpoint
}

/// A place in a bucket of a store that answers there.
pub(crate) fn place(endpoint: &str, bucket: &str, prefix: &str) -> StorePlace {
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
    ];
    let variables = variables.map(|(name, value)| (name, value.to_owned()));
    let blobs = BlobPlace::S3(S3Place::parse(&format!("s3://{bucket}/{prefix}"), variables).unwrap());
    StorePlace { blobs, ..StorePlace::embedded("") }
}

/// What the future yields, wherever this is called.
fn wait_for<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let wait = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(future)
        };
        scope.spawn(wait).join().unwrap()
    })
}

impl S3 {
    pub(crate) fn client() -> AmazonS3 {
        let builder = AmazonS3Builder::new().with_endpoint(endpoint()).with_bucket_name(BUCKET);
        let builder = builder.with_access_key_id("testing").with_secret_access_key("testing");
        builder.with_allow_http(true).build().unwrap()
    }

    pub(crate) fn key(&self, digest: &BlobDigest) -> Path {
        let text = digest.to_string();
        let (shard, rest) = text["sha256:".len()..].split_at(2);
        Path::from(format!("{}/{shard}/{rest}", self.prefix))
    }

    /// What all objects hold.
    pub(crate) fn objects(&self) -> Vec<Vec<u8>> {
        let prefix = Path::from(self.prefix.as_str());
        wait_for(async {
            let client = Self::client();
            let listed: Vec<_> = client.list(Some(&prefix)).try_collect().await.unwrap();
            let read = async |object: object_store::ObjectMeta| {
                client.get(&object.location).await.unwrap().bytes().await.unwrap().to_vec()
            };
            futures_util::stream::iter(listed).then(read).collect().await
        })
    }

    /// Makes an object as if it had been put there long ago.
    fn age_object(key: &Path) {
        let endpoint = endpoint();
        let host = endpoint.strip_prefix("http://").unwrap();
        let mut connection = TcpStream::connect(host).unwrap();
        write!(
            connection,
            "POST /toolfront/age/{BUCKET}/{key} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }
}

impl Backend for S3 {
    /// One in the object store, and one on the disk.
    const COPIES: usize = 2;

    fn fresh() -> Self {
        let own = Sqlite::fresh();
        // Tests run at the same time, and the directory's name is taken once.
        let name = own.path().parent().unwrap().file_name().unwrap().to_str().unwrap().replace('.', "");
        Self { own, prefix: format!("tests/{name}") }
    }

    fn open(&self, sink: Arc<dyn ChangeSink>, now: Timestamp) -> Result<(Store, Summary), OpenError> {
        let place = place(&endpoint(), BUCKET, &self.prefix);
        Store::open(&StorePlace { directory: self.own.path(), ..place }, sink, now)
    }

    fn events(&self) -> Vec<AuditEvent> {
        self.own.events()
    }

    fn crashed(&self) -> Self {
        Self { own: self.own.crashed(), prefix: self.prefix.clone() }
    }

    fn everything(&self) -> Vec<Vec<u8>> {
        let mut files = self.own.everything();
        files.extend(self.objects());
        files
    }

    fn age(&self, _: &Blobs, digest: &BlobDigest) {
        Self::age_object(&self.key(digest));
    }
}

impl Shared for S3 {
    fn beside(&self) -> Self {
        Self { own: Sqlite::fresh(), prefix: self.prefix.clone() }
    }
}
