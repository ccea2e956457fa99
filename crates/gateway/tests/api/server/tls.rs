//! TLS that ends in the gateway.

use std::path::Path;
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use toolfront_gateway::{Gateway, Settings, StartError, TlsFiles};

use crate::support::{Connection, TestGateway};

fn certified() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap()
}

fn write(directory: &Path, certified: &CertifiedKey<KeyPair>) -> TlsFiles {
    let files = TlsFiles { certificate: directory.join("cert.pem"), key: directory.join("key.pem") };
    std::fs::write(&files.certificate, certified.cert.pem()).unwrap();
    std::fs::write(&files.key, certified.signing_key.serialize_pem()).unwrap();
    files
}

fn connector(trusted: &CertificateDer<'static>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn requests_are_answered_over_tls_and_not_in_clear() {
    let directory = tempfile::tempdir().unwrap();
    let certified = certified();
    let files = write(directory.path(), &certified);
    let gateway = TestGateway::start_with(|settings| settings.tls = Some(files)).await;
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let mut stream = connector(certified.cert.der()).connect(name.clone(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
    let request = format!(
        "POST /api/v1/environments HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: 15\r\n\r\n{{\"name\":\"docs\"}}",
        gateway.admin.value
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(answer.contains(&format!("https://{}/e/docs", gateway.address)), "{answer}");
    // In clear there is no answer but an end.
    let mut clear = Connection::open(gateway.address).await;
    clear.try_send("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let answer = clear.read_to_end().await;
    assert!(!answer.contains("HTTP"), "{answer}");
    // Another certificate than the one that is trusted is none.
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let other = connector(self::certified().cert.der()).connect(name, stream).await;
    assert!(other.is_err());
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_handshake_is_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let files = write(directory.path(), &certified());
    let gateway = TestGateway::start_with(|settings| {
        settings.tls = Some(files);
        settings.limits.header_time = std::time::Duration::from_millis(50);
    })
    .await;
    for begun in [b"".as_slice(), b"\x16\x03\x01\x02\x00"] {
        let mut connection = Connection::open(gateway.address).await;
        connection.send(begun).await;
        connection.read_to_end().await;
    }
}

#[tokio::test]
async fn a_certificate_or_key_that_can_not_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let files = write(directory.path(), &certified());
    let garbage = directory.path().join("garbage.pem");
    std::fs::write(&garbage, "-----BEGIN CERTIFICATE-----\nnot base64\n-----END CERTIFICATE-----\n").unwrap();
    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let foreign = directory.path().join("foreign.pem");
    std::fs::write(&foreign, certified().signing_key.serialize_pem()).unwrap();
    let absent = directory.path().join("absent.pem");
    let (certificate, key) = (&files.certificate, &files.key);
    for (case, (certificate, key, named)) in [
        (&garbage, key, &garbage),
        (&empty, key, &empty),
        (&absent, key, &absent),
        (key, key, key),
        (certificate, &empty, &empty),
        (certificate, &absent, &absent),
        (certificate, certificate, certificate),
        (certificate, &foreign, certificate),
    ]
    .into_iter()
    .enumerate()
    {
        let data = directory.path().join(format!("data-{case}"));
        let mut settings = Settings::new(data, "127.0.0.1:0".parse().unwrap());
        settings.confinement.allow_weak = true;
        settings.tls = Some(TlsFiles { certificate: certificate.clone(), key: key.clone() });
        let refused = Gateway::open(settings).await.unwrap().bind().await.unwrap_err();
        assert!(matches!(refused, StartError::Tls { .. }), "{refused}");
        assert!(refused.to_string().contains(&named.display().to_string()), "{case}: {refused}");
    }
}
