//! What the audit log takes up: flags, then variables, then the table `[audit]` of the file.

#![expect(clippy::doc_markdown, reason = "clap prints these comments as they are, backticks too")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use toolfront_gateway::{AnchorSettings, AuditSettings, RecordReads};

use crate::failure::Failure;
use crate::settings::Variables;
use crate::span;

// No doc comment: clap would take it as what the command is about.
#[derive(Debug, Default, Args)]
pub(super) struct AuditOptions {
    /// When reads of pages are recorded: batched (a moment later), strict (before they are answered) or off (counted only)
    /// [default: batched] [env: TOOLFRONT_AUDIT_READS]
    #[arg(long = "audit-reads", id = "audit_reads", value_name = "WHEN", value_parser = parse_reads)]
    reads: Option<RecordReads>,
    /// For how long events are kept, such as 400d [default: for ever] [env: TOOLFRONT_AUDIT_KEEP]
    #[arg(long = "audit-keep", id = "audit_keep", value_name = "SPAN", value_parser = span::parse)]
    keep: Option<Duration>,
    /// A file, on another disk or machine, that gets a signed anchor of the audit log each minute [env: TOOLFRONT_AUDIT_ANCHORS]
    #[arg(long = "audit-anchors", id = "audit_anchors", value_name = "FILE")]
    anchors: Option<PathBuf>,
    /// The key that anchors are signed with, from `toolfront audit keygen` [env: TOOLFRONT_AUDIT_SIGNING_KEY]
    #[arg(long = "audit-signing-key", id = "audit_signing_key", value_name = "FILE")]
    signing_key: Option<PathBuf>,
}

/// The table `[audit]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditTable {
    reads: Option<RecordReads>,
    keep: Option<String>,
    anchors: Option<PathBuf>,
    signing_key: Option<PathBuf>,
}

impl AuditTable {
    /// Takes the paths as relative to this directory.
    pub(super) fn rooted_at(&mut self, directory: &Path) {
        for path in [&mut self.anchors, &mut self.signing_key].into_iter().flatten() {
            *path = directory.join(&*path);
        }
    }
}

fn parse_reads(text: &str) -> Result<RecordReads, &'static str> {
    match text {
        "batched" => Ok(RecordReads::Batched),
        "strict" => Ok(RecordReads::Strict),
        "off" => Ok(RecordReads::Off),
        _ => Err("has to be batched, strict or off"),
    }
}

/// Puts flags before variables, and variables before the file.
pub(super) fn resolve(
    flags: AuditOptions,
    table: AuditTable,
    variables: &Variables,
) -> Result<AuditSettings, Failure> {
    let reads = match (flags.reads, variables.text("TOOLFRONT_AUDIT_READS")?) {
        (Some(reads), _) => reads,
        (None, Some(text)) => {
            parse_reads(text).map_err(|fault| Failure::wrong_use(format!("TOOLFRONT_AUDIT_READS {fault}")))?
        }
        (None, None) => table.reads.unwrap_or_default(),
    };
    let named = match (variables.text("TOOLFRONT_AUDIT_KEEP")?, &table.keep) {
        (Some(text), _) => Some(("TOOLFRONT_AUDIT_KEEP", text)),
        (None, Some(text)) => Some(("keep in the table [audit]", text.as_str())),
        (None, None) => None,
    };
    let keep = match (flags.keep, named) {
        (Some(keep), _) => Some(keep),
        (None, Some((name, text))) => {
            let keep = span::parse(text);
            Some(keep.map_err(|fault| Failure::wrong_use(format!("{name}: {text:?} is {fault}")))?)
        }
        (None, None) => None,
    };
    if keep.is_some_and(|keep| keep.is_zero()) {
        return Err(Failure::wrong_use("the audit log can't be kept for no time at all"));
    }
    let path = |flag: Option<PathBuf>, variable, file| flag.or(variables.path(variable)).or(file);
    let anchors = path(flags.anchors, "TOOLFRONT_AUDIT_ANCHORS", table.anchors);
    let key = path(flags.signing_key, "TOOLFRONT_AUDIT_SIGNING_KEY", table.signing_key);
    let anchors = match (anchors, key) {
        (Some(file), Some(signing_key)) => Some(AnchorSettings { file, signing_key }),
        (None, None) => None,
        (Some(_), None) => {
            return Err(Failure::wrong_use(
                "anchors need a key to be signed with: `toolfront audit keygen FILE` makes one; give it as \
                 --audit-signing-key, or signing_key in the table [audit]",
            ));
        }
        (None, Some(_)) => {
            return Err(Failure::wrong_use(
                "a signing key needs a file for its anchors: give --audit-anchors, or anchors in the table [audit]",
            ));
        }
    };
    Ok(AuditSettings { reads, keep, anchors })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> AuditTable {
        toml::from_str(text).unwrap()
    }

    fn resolved(
        flags: AuditOptions,
        file: &str,
        pairs: &[(&'static str, &str)],
    ) -> Result<AuditSettings, String> {
        let variables = Variables::of(pairs.iter().map(|(name, value)| (*name, (*value).into())));
        resolve(flags, table(file), &variables).map_err(|failure| failure.message().to_owned())
    }

    #[test]
    fn a_flag_comes_before_a_variable_and_a_variable_before_the_file() {
        let file = "reads = 'off'\nkeep = '400d'\nanchors = 'a'\nsigning_key = 'k'";
        let settings = resolved(AuditOptions::default(), file, &[]).unwrap();
        assert_eq!((settings.reads, settings.keep), (RecordReads::Off, Some(Duration::from_hours(9600))));
        assert_eq!(settings.anchors.unwrap().signing_key, PathBuf::from("k"));
        let variables = [("TOOLFRONT_AUDIT_READS", "strict"), ("TOOLFRONT_AUDIT_KEEP", "2d")];
        let settings = resolved(AuditOptions::default(), file, &variables).unwrap();
        assert_eq!((settings.reads, settings.keep), (RecordReads::Strict, Some(Duration::from_hours(48))));
        let flags = AuditOptions { keep: Some(Duration::from_secs(5)), ..AuditOptions::default() };
        assert_eq!(resolved(flags, file, &variables).unwrap().keep, Some(Duration::from_secs(5)));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_name() {
        let told = |file: &str, pairs: &[(&'static str, &str)]| {
            resolved(AuditOptions::default(), file, pairs).unwrap_err()
        };
        assert!(told("keep = 'long'", &[]).starts_with("keep in the table [audit]: \"long\" is not a span"));
        assert!(told("keep = '0'", &[]).contains("no time at all"));
        assert!(told("anchors = 'a'", &[]).contains("--audit-signing-key"));
        assert!(told("signing_key = 'k'", &[]).contains("--audit-anchors"));
        assert!(told("", &[("TOOLFRONT_AUDIT_READS", "never")]).contains("batched, strict or off"));
        assert!(toml::from_str::<AuditTable>("read = 'off'").is_err());
    }
}
