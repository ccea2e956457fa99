//! Token values in files, which keep them out of the process list and the shell's history.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::key_text::KeyText;

/// The most that is read: a file of tokens is small, and another file was given by mistake.
const BYTES_MAX: u64 = 1024 * 1024;

/// The one value in a file; `-` is standard input.
pub(crate) fn read_one(path: &Path) -> Result<KeyText, Failure> {
    let keys = read_all(path)?;
    match <[KeyText; 1]>::try_from(keys) {
        Ok([key]) => Ok(key),
        Err(keys) if keys.is_empty() => Err(Failure::wrong_use(format!("{} is empty", path.display()))),
        Err(keys) => Err(Failure::wrong_use(format!(
            "{} has {} lines, and one token is wanted",
            path.display(),
            keys.len()
        ))),
    }
}

/// The values in a file, one a line; empty lines and lines that begin with `#` do not count.
pub(crate) fn read_all(path: &Path) -> Result<Vec<KeyText>, Failure> {
    let text = if path == Path::new("-") { read_input()? } else { read_private(path)? };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(KeyText::new).collect())
}

fn read_input() -> Result<Zeroizing<String>, Failure> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return Err(Failure::wrong_use(
            "--token-file - reads standard input, which is a terminal: pipe the token in",
        ));
    }
    read(input.lock(), Path::new("standard input"))
}

fn read_private(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::wrong_use(format!("{} can't be read: {error}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let mode = metadata.permissions().mode() & 0o777;
    // Pipes and terminals are not lasting, and their modes say nothing.
    if metadata.is_file() && mode & 0o077 != 0 {
        return Err(Failure::wrong_use(format!(
            "others can read {path} (mode {mode:04o}), so that it is no place for a token: chmod 600 {path}, and rotate \
             the token if somebody may have read it",
            path = path.display()
        )));
    }
    read(file, path)
}

fn read(source: impl Read, path: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let outcome = source.take(BYTES_MAX).read_to_string(&mut text);
    outcome.map_err(|error| Failure::wrong_use(format!("{} can't be read: {error}", path.display())))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file(content: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        for mode in [0o644, 0o640, 0o604, 0o666] {
            let file = file("tf_x", mode);
            let failure = read_one(file.path()).unwrap_err();
            assert!(failure.message().contains("chmod 600"), "{mode:o}: {}", failure.message());
        }
        for mode in [0o600, 0o400] {
            assert_eq!(read_one(file(" tf_x \n\n", mode).path()).unwrap().reveal(), "tf_x");
        }
    }

    #[test]
    fn one_value_is_wanted_and_comments_do_not_count() {
        assert_eq!(read_one(file("# mine\ntf_x\n", 0o600).path()).unwrap().reveal(), "tf_x");
        assert!(read_one(file("\n# none\n", 0o600).path()).unwrap_err().message().ends_with("is empty"));
        let two = file("tf_secretone\ntf_secrettwo\n", 0o600);
        let message = read_one(two.path()).unwrap_err().message().to_owned();
        assert!(message.contains("has 2 lines") && !message.contains("tf_secret"), "{message}");
        assert_eq!(read_all(two.path()).unwrap().len(), 2);
    }
}
