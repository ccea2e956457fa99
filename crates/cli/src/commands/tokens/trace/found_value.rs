//! A value that somebody found, from standard input or a prompt.

use std::io::{IsTerminal, Read};

use toolfront_token::TokenSecret;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::key_text::KeyText;
use crate::session::Invocation;

/// A value has 43 characters; more than this is something else.
const BYTES_MAX: u64 = 4096;

/// Reads the value. What is not one is not shown.
pub(super) fn read_value(invocation: &Invocation) -> Result<TokenSecret, Failure> {
    let input = std::io::stdin();
    let text = if input.is_terminal() {
        invocation.printer.say("Type or paste the value (it is not shown, and not sent):");
        rpassword::read_password()
            .map(Zeroizing::new)
            .map_err(|fault| Failure::wrong_use(format!("the value can't be read: {fault}")))?
    } else {
        read(input.lock())?
    };
    let key = KeyText::new(&text);
    key.parse().map_err(|fault| {
        Failure::wrong_use(format!("what came on standard input is no value of a token: {fault}"))
    })
}

fn read(source: impl Read) -> Result<Zeroizing<String>, Failure> {
    let room = usize::try_from(BYTES_MAX).unwrap_or_default();
    let mut text = Zeroizing::new(String::with_capacity(room));
    let outcome = source.take(BYTES_MAX).read_to_string(&mut text);
    outcome.map_err(|fault| Failure::wrong_use(format!("standard input can't be read: {fault}")))?;
    Ok(text)
}
