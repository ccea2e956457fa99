//! What an object store says when it does not do what it is asked for.

use std::error::Error;

use object_store::Error as Fault;

use super::BlobError;

/// What was found, if it is there.
pub(super) fn found<T>(answer: object_store::Result<T>) -> Result<Option<T>, BlobError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Fault::NotFound { .. }) => Ok(None),
        Err(fault) => Err(unusable(fault)),
    }
}

/// What a fault means to whoever wanted something of the object store.
pub(super) fn unusable(fault: Fault) -> BlobError {
    const NO_BUCKET: &str = "there is no such bucket";
    const NO_ENTRY: &str =
        "it does not let this gateway in: look at the credentials, and at what they are allowed";
    let refused = |reason: &str| BlobError::Refused { reason: reason.to_owned() };
    match fault {
        Fault::NotFound { .. } => refused(NO_BUCKET),
        Fault::PermissionDenied { .. } | Fault::Unauthenticated { .. } => refused(NO_ENTRY),
        fault => match reason(&fault) {
            told if told.starts_with("it answered 404") => refused(NO_BUCKET),
            told if told.starts_with("it answered 401") || told.starts_with("it answered 403") => {
                refused(NO_ENTRY)
            }
            told if told.contains("configured region") => {
                refused("the bucket is in another region: set AWS_REGION")
            }
            reason => BlobError::Unavailable { reason },
        },
    }
}

/// What lies at the bottom of it. Of the answer of a server its status and its code are told: some quote what was
/// signed, session tokens and all.
fn reason(fault: &(dyn Error + 'static)) -> String {
    let mut cause = fault;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let told = cause.to_string();
    let Some(answer) = told.strip_prefix("Server returned ") else { return told };
    let status = answer.strip_prefix("non-2xx status code: ").and_then(|answer| answer.split(':').next());
    let code =
        answer.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    let code = code.filter(|code| code.len() < 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
    format!("it answered {}{code}", status.unwrap_or("with an error"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_quotes_is_not_repeated() {
        let quoted = "<Code>InvalidRequest</Code><StringToSign>secret</StringToSign>";
        for (answer, told) in [
            ("non-2xx status code: 400 Bad Request: ", "it answered 400 Bad Request (InvalidRequest)"),
            ("error response: ", "it answered with an error (InvalidRequest)"),
        ] {
            let fault =
                Fault::Generic { store: "S3", source: format!("Server returned {answer}{quoted}").into() };
            assert_eq!(unusable(fault).to_string(), format!("the object store can't be used now: {told}"));
        }
    }
}
