//! The key file: `secrets.key` in the data directory, beside the database and not in it.
//!
//! A line for each key, its number and its bytes in hexadecimal digits. The key with the highest number is the
//! one that is encrypted under; others are there between the steps of a rotation. A file is written whole, beside
//! the one that it takes the place of, and is on the disk before it does so.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::key::{KEY_BYTES, SecretKey};
use super::keyring::KeyFault;
use crate::data_directory;

/// More than any file of keys has.
const FILE_BYTES_MAX: u64 = 64 * 1024;
const HEAD: &str = "# What the secrets of this gateway's environments are encrypted under. Without it they are lost, and with it and the\n\
                    # database whoever has both can read them: back it up apart from the database, for your eyes only.\n";

/// Where the keys of a data directory are.
#[derive(Clone, Debug)]
pub(crate) struct KeyFile {
    directory: PathBuf,
    path: PathBuf,
}

impl KeyFile {
    pub(crate) fn of(directory: &Path) -> Self {
        Self::at(&directory.join("secrets.key"))
    }

    /// A file of another name, elsewhere.
    pub(crate) fn at(path: &Path) -> Self {
        let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
        Self { directory, path: path.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where a file is written that is to take the place of the one there is.
    fn incoming(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        self.directory.join(name)
    }

    /// The keys, the lowest number first.
    pub(crate) fn read(&self) -> Result<Vec<SecretKey>, KeyFault> {
        let unreadable =
            |err: io::Error| KeyFault::Unusable { path: self.path.clone(), reason: err.to_string() };
        let file = match File::open(&self.path) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                return Err(KeyFault::Missing { path: self.path.clone() });
            }
            opened => opened.map_err(unreadable)?,
        };
        let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyFault::Exposed { path: self.path.clone(), mode });
        }
        // As much room as can be needed: a text that grows leaves copies behind.
        let room = usize::try_from(file.metadata().map_err(unreadable)?.len().min(FILE_BYTES_MAX))
            .unwrap_or_default();
        let mut text = Zeroizing::new(String::with_capacity(room + 1));
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
        let mut keys: Vec<SecretKey> = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let key = parse(line).filter(|key| keys.last().is_none_or(|last| last.number() < key.number()));
            keys.push(key.ok_or_else(|| KeyFault::Malformed { path: self.path.clone(), line: number })?);
        }
        if keys.is_empty() {
            return Err(KeyFault::Malformed { path: self.path.clone(), line: 1 });
        }
        Ok(keys)
    }

    /// Writes a file of these keys, lasting when this returns; there is the old file or the new one at any time.
    pub(crate) fn write<'k>(&self, keys: impl IntoIterator<Item = &'k SecretKey>) -> io::Result<()> {
        self.clear()?;
        let incoming = self.incoming();
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&incoming)?;
        let written = written(&mut file, keys).and_then(|()| fs::rename(&incoming, &self.path));
        if let Err(err) = written {
            let _ = fs::remove_file(&incoming);
            return Err(err);
        }
        data_directory::sync(&self.directory)
    }

    /// Writes a file of this key where there is none; one that somebody else has put there meanwhile stays.
    pub(crate) fn create(&self, key: &SecretKey) -> io::Result<()> {
        let mut incoming = NamedTempFile::new_in(&self.directory)?;
        written(incoming.as_file_mut(), [key])?;
        match incoming.persist_noclobber(&self.path) {
            Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(refused) => Err(refused.error),
            Ok(_) => data_directory::sync(&self.directory),
        }
    }

    /// Removes what was being written when a process ended.
    pub(crate) fn clear(&self) -> io::Result<()> {
        match fs::remove_file(self.incoming()) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn written<'k>(file: &mut File, keys: impl IntoIterator<Item = &'k SecretKey>) -> io::Result<()> {
    file.write_all(HEAD.as_bytes())?;
    for key in keys {
        let mut line = Zeroizing::new(String::with_capacity(KEY_BYTES * 2 + 16));
        let _ = write!(line, "{} ", key.number());
        for byte in key.reveal() {
            let _ = write!(line, "{byte:02x}");
        }
        line.push('\n');
        file.write_all(line.as_bytes())?;
    }
    file.sync_all()
}

fn parse(line: &str) -> Option<SecretKey> {
    let (number, digits) = line.trim_end().split_once(' ')?;
    if digits.len() != KEY_BYTES * 2 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(place * 2..place * 2 + 2)?, 16).ok()?;
    }
    SecretKey::new(number.parse().ok().filter(|number| *number > 0)?, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> SecretKey {
        SecretKey::new(number, Zeroizing::new([u8::try_from(number).unwrap(); KEY_BYTES])).unwrap()
    }

    fn place() -> (tempfile::TempDir, KeyFile) {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::of(directory.path());
        (directory, file)
    }

    fn put(file: &KeyFile, text: &str) {
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn keys_are_read_as_they_were_written_and_by_nobody_else() {
        let (directory, file) = place();
        assert!(matches!(file.read(), Err(KeyFault::Missing { .. })));
        file.write([&key(1), &key(7)]).unwrap();
        let read = file.read().unwrap();
        assert_eq!(read.iter().map(SecretKey::number).collect::<Vec<_>>(), [1, 7]);
        assert_eq!((read[0].id(), read[1].id()), (key(1).id(), key(7).id()));
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o7777, 0o600);
        file.write([&key(7)]).unwrap();
        assert_eq!(file.read().unwrap().len(), 1);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let (_directory, file) = place();
        file.write([&key(1)]).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(file.read(), Err(KeyFault::Exposed { mode: found, .. }) if found == mode));
        }
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o400)).unwrap();
        assert!(file.read().is_ok());
    }

    #[test]
    fn a_file_that_was_cut_or_changed_is_refused_with_its_line() {
        let (_directory, file) = place();
        let digits = "ab".repeat(KEY_BYTES);
        for (text, line) in [
            (String::new(), 1),
            ("# nothing\n".to_owned(), 1),
            (digits.clone(), 1),
            (format!("1 {}", &digits[1..]), 1),
            (format!("1 {digits}0"), 1),
            (format!("one {digits}"), 1),
            (format!("0 {digits}"), 1),
            (format!("1 {}zz", &digits[2..]), 1),
            (format!("# a\n\n1 {digits}\n1 {digits}\n"), 4),
            (format!("2 {digits}\n1 {digits}\n"), 2),
        ] {
            put(&file, &text);
            let refused = file.read().unwrap_err();
            assert!(matches!(refused, KeyFault::Malformed { line: told, .. } if told == line), "{text}");
            assert!(!refused.to_string().contains("abab"), "{refused}");
        }
        put(&file, &format!("# a\n\n1 {digits}  \n2 {}\n", digits.to_uppercase()));
        assert_eq!(file.read().unwrap().len(), 2);
    }

    #[test]
    fn what_was_left_half_written_is_in_nobodys_way() {
        let (directory, file) = place();
        file.write([&key(1)]).unwrap();
        fs::write(directory.path().join("secrets.key.new"), "1 ab").unwrap();
        assert_eq!(file.read().unwrap().len(), 1);
        file.clear().unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        fs::write(directory.path().join("secrets.key.new"), "1 ab").unwrap();
        file.write([&key(2)]).unwrap();
        assert_eq!(file.read().unwrap()[0].number(), 2);
    }
}
