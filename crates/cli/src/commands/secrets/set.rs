//! `toolfront secrets set`.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use toolfront_api::{SecretText, SetSecret};
use toolfront_app::{SECRET_BYTES_MAX, SecretName, SecretValue};
use zeroize::Zeroizing;

use crate::commands::deploy::EnvironmentName;
use crate::failure::Failure;
use crate::key_text::KeyText;
use crate::session::Invocation;

/// Store a secret of an environment, in the place of the one that has its name
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolfront secrets set my-app API_KEY                      # asks for the value\n  \
                  pass show orders-api | toolfront secrets set my-app API_KEY\n  \
                  toolfront secrets set my-app SERVICE_ACCOUNT --file ./account.json\n\n\
                  The value comes from a prompt that does not show it, from standard input when that is no terminal, or from a \
                  file; never from an argument, which others on the machine can read. One newline at its end is taken off: the \
                  one that echo and editors put there. It has 4 bytes to 64 KiB."
)]
pub(crate) struct Arguments {
    /// The environment's id or name
    #[arg(value_name = "ID")]
    environment: EnvironmentName,
    /// The variable that it is given as: letters, digits and _
    name: String,
    /// The file that holds the value; `-` is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    // Taken so that it is refused without being shown.
    #[arg(hide = true, num_args = 0..)]
    value: Vec<KeyText>,
}

pub(crate) async fn run(arguments: Arguments, invocation: &Invocation) -> Result<(), Failure> {
    if !arguments.value.is_empty() {
        return Err(Failure::wrong_use(
            "a value is no argument: others on this machine can read those, and the shell keeps them. Take it for known, \
             and give another one by the prompt, by standard input or by --file",
        ));
    }
    let (environment, name) = (arguments.environment.as_str(), parse_name(&arguments.name)?);
    let session = invocation.session()?;
    let text = match &arguments.file {
        Some(path) if path != Path::new("-") => {
            let unreadable = |error| Failure::wrong_use(format!("{} can't be read: {error}", path.display()));
            read(File::open(path).map_err(unreadable)?, &path.display().to_string())?
        }
        Some(_) => read(std::io::stdin().lock(), "standard input")?,
        None => ask(&name, invocation)?,
    };
    // What the gateway would refuse is not sent.
    let text = SecretValue::parse(text).map_err(|fault| Failure::wrong_use(fault.to_string()))?;
    let value = SecretText::new(Zeroizing::new(text.reveal().to_owned()));
    let secret = session.client.set_secret(environment, name.as_str(), &SetSecret { value }).await?;
    invocation.printer.say(format_args!(
        "{} of {environment} is set: commands that begin from now on get it.",
        secret.name
    ));
    if invocation.printer.is_json() { invocation.printer.json(&secret) } else { Ok(()) }
}

/// Reads a name. What is refused is not shown: somebody may have written `NAME=VALUE`.
pub(super) fn parse_name(text: &str) -> Result<SecretName, Failure> {
    SecretName::parse(text).map_err(|fault| Failure::wrong_use(format!("the name of the secret: {fault}")))
}

/// The value: from a prompt, or standard input when that is no terminal.
fn ask(name: &SecretName, invocation: &Invocation) -> Result<Zeroizing<String>, Failure> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return read(input.lock(), "standard input");
    }
    invocation.printer.say(format_args!("Type or paste the value of {name} (it is not shown):"));
    let unreadable = |error| Failure::wrong_use(format!("the value can't be read: {error}"));
    rpassword::read_password().map(Zeroizing::new).map_err(unreadable)
}

/// All of it but one newline at the end.
fn read(source: impl Read, named: &str) -> Result<Zeroizing<String>, Failure> {
    // A value, its newline, and one byte more, by which too much is known. A text that grows would leave copies.
    let room = SECRET_BYTES_MAX + "\r\n".len() + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let limit = u64::try_from(room).unwrap_or(u64::MAX);
    let outcome = source.take(limit).read_to_end(&mut bytes);
    outcome.map_err(|error| Failure::wrong_use(format!("{named} can't be read: {error}")))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::wrong_use(format!("{named} is not UTF-8 text: a variable can't hold it")))?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(input: &[u8]) -> Result<String, String> {
        read(input, "it").map(|text| (*text).clone()).map_err(|failure| failure.message().to_owned())
    }

    #[test]
    fn one_newline_at_the_end_is_taken_off() {
        for (input, expected) in [
            ("s3cr3t", "s3cr3t"),
            ("s3cr3t\n", "s3cr3t"),
            ("s3cr3t\r\n", "s3cr3t"),
            ("s3cr3t\n\n", "s3cr3t\n"),
            (" s3cr3t \n", " s3cr3t "),
            ("two\nlines\n", "two\nlines"),
            ("s3cr3t\r", "s3cr3t\r"),
            ("\n", ""),
        ] {
            assert_eq!(value(input.as_bytes()).unwrap(), expected, "{input:?}");
        }
    }

    #[test]
    fn what_is_no_text_or_too_long_is_refused_without_being_shown() {
        let told = value(b"hunter2\xff").unwrap_err();
        assert!(told.contains("UTF-8") && !told.contains("hunter2"), "{told}");
        let long = "x".repeat(SECRET_BYTES_MAX * 2);
        assert!(value(long.as_bytes()).unwrap().len() > SECRET_BYTES_MAX);
        assert_eq!(value("x".repeat(SECRET_BYTES_MAX).as_bytes()).unwrap().len(), SECRET_BYTES_MAX);
    }

    #[test]
    fn a_name_that_is_refused_is_not_shown() {
        let told = parse_name("KEY=hunter2").unwrap_err().message().to_owned();
        assert!(!told.contains("hunter2"), "{told}");
        assert!(parse_name("PATH").unwrap_err().message().contains("steers"));
    }
}
