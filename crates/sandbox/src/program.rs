//! From the name of a program to the file that is executed.
//!
//! The search is done here and not by the spawn: std leaves the fast path (`posix_spawn`) for a fork when it has to
//! search a path that is not its own.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// Why there is nothing to execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoProgram {
    /// No file of this name.
    NotFound,
    /// Every file of this name is something that may not be executed.
    NotExecutable,
}

/// Finds the file that `name` stands for. A name with a `/` is a path from `directory`, any other is looked for in the
/// directories of `path` (colons between them), as `execvp` does; relative ones among these are passed over.
pub(crate) fn find_program(name: &str, directory: &Path, path: &str) -> Result<PathBuf, NoProgram> {
    if name.contains('/') {
        let file = directory.join(name);
        return look_at(&file).map(|()| file);
    }
    let mut refusal = NoProgram::NotFound;
    if name.is_empty() {
        return Err(refusal);
    }
    for entry in path.split(':').filter(|entry| entry.starts_with('/')) {
        let file = Path::new(entry).join(name);
        match look_at(&file) {
            Ok(()) => return Ok(file),
            Err(NoProgram::NotExecutable) => refusal = NoProgram::NotExecutable,
            Err(NoProgram::NotFound) => {}
        }
    }
    Err(refusal)
}

fn look_at(file: &Path) -> Result<(), NoProgram> {
    let metadata = fs::metadata(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => NoProgram::NotExecutable,
        _ => NoProgram::NotFound,
    })?;
    if metadata.is_file() && access(file, Access::EXEC_OK).is_ok() {
        Ok(())
    } else {
        Err(NoProgram::NotExecutable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

    #[test]
    fn a_bare_name_is_looked_for_on_the_path() {
        let found = find_program("sh", Path::new("/"), PATH).unwrap();
        assert!(found.is_absolute() && found.ends_with("sh"));
    }

    #[test]
    fn a_bare_name_is_never_looked_for_in_the_working_directory() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tool-of-the-release");
        fs::copy("/bin/true", &file).unwrap();
        assert_eq!(find_program("tool-of-the-release", directory.path(), PATH), Err(NoProgram::NotFound));
        assert_eq!(find_program("tool-of-the-release", directory.path(), ".::bin"), Err(NoProgram::NotFound));
        assert_eq!(
            find_program("./tool-of-the-release", directory.path(), PATH),
            Ok(directory.path().join("./tool-of-the-release"))
        );
    }

    #[test]
    fn what_may_not_be_executed_is_told_from_what_is_not_there() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("notes"), "text").unwrap();
        fs::create_dir(directory.path().join("folder")).unwrap();
        let path = directory.path().to_str().unwrap();
        for (name, refusal) in [
            ("notes", NoProgram::NotExecutable),
            ("folder", NoProgram::NotExecutable),
            ("absent", NoProgram::NotFound),
            ("", NoProgram::NotFound),
        ] {
            assert_eq!(find_program(name, Path::new("/"), path), Err(refusal), "{name}");
        }
    }
}
