//! Names of variables: what follows a `$` in a tool, and what a page lists under `env`.

use std::fmt;

use thiserror::Error;

/// The longest name that is taken, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// Names that steer the loader, a shell or an interpreter, or that the sandbox sets itself.
const STEERING: &[&str] = &[
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "PWD",
    "SHELL",
    "IFS",
    "ENV",
    "BASH_ENV",
    "BASHOPTS",
    "SHELLOPTS",
    "PS4",
    "PROMPT_COMMAND",
    "CDPATH",
    "GLOBIGNORE",
    "ZDOTDIR",
    "GCONV_PATH",
    "LOCPATH",
    "NLSPATH",
    "LANGUAGE",
    "HOSTALIASES",
    "RESOLV_HOST_CONF",
    "RES_OPTIONS",
    "LOCALDOMAIN",
    "GLIBC_TUNABLES",
    "TERMINFO",
    "TERMINFO_DIRS",
    "TERMCAP",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_REPL_EXTERNAL_MODULE",
    "RUBYOPT",
    "RUBYLIB",
    "RUBYSHELL",
    "PERLLIB",
    "PERLIO",
    "CLASSPATH",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "_JAVA_OPTIONS",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "AWKPATH",
    "AWKLIBPATH",
    "R_PROFILE",
    "R_ENVIRON",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "MANPAGER",
    "LESSOPEN",
    "LESSCLOSE",
    "LESSKEY",
    "PSQL_EDITOR",
    "PSQL_PAGER",
    "PSQLRC",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "RSYNC_RSH",
    "RSYNC_CONNECT_PROG",
    "TAR_OPTIONS",
    "TAPE",
    "CVS_RSH",
    "GZIP",
    "XZ_OPT",
    "ZSTD_CLEVEL",
    "CURL_HOME",
    "WGETRC",
    "INPUTRC",
    "MAKEFLAGS",
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
    "OPENSSL_ENGINES",
    "MAILCAPS",
    "BROWSER",
];

/// Beginnings of such names.
const STEERING_PREFIXES: &[&str] = &[
    "LD_",
    "DYLD_",
    "PERL5",
    "PYTHON",
    "GIT_",
    "BASH_FUNC_",
    "LUA_PATH",
    "LUA_CPATH",
    "LUA_INIT",
    "MALLOC_",
    "XDG_",
];

/// The name of a variable: letters, digits and `_` of ASCII, not starting with a digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableName(Box<str>);

impl VariableName {
    /// Makes a name of text, without the `$`.
    ///
    /// # Errors
    /// When the text is empty, too long, starts with a digit or has another character in it.
    pub fn parse(text: &str) -> Result<VariableName, VariableFault> {
        if text.is_empty() {
            return Err(VariableFault::Empty);
        }
        if text.len() > NAME_BYTES_MAX {
            return Err(VariableFault::TooLong);
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(VariableFault::LeadingDigit);
        }
        match text.chars().find(|c| !is_name_character(*c)) {
            Some(character) => Err(VariableFault::Character(character)),
            None => Ok(VariableName(text.into())),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name steers the loader, a shell or an interpreter (`PATH`, `LD_*`, `BASH_ENV`, `PYTHON*`, …), or is set by the
    /// sandbox itself (`HOME`, `TMPDIR`, `LANG`). Such a name can be neither mentioned by a page nor stored as a secret.
    pub fn is_steering(&self) -> bool {
        STEERING.contains(&self.as_str()) || STEERING_PREFIXES.iter().any(|prefix| self.0.starts_with(prefix))
    }

    /// Splits the longest name off the start of `text`.
    pub(crate) fn split_off_start(text: &str) -> Option<(VariableName, &str)> {
        let end = text.find(|c| !is_name_character(c)).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(end)?;
        VariableName::parse(name).ok().map(|name| (name, rest))
    }
}

impl fmt::Display for VariableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for VariableName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Why text is not the name of a variable.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VariableFault {
    /// There is no text.
    #[error("a variable needs a name")]
    Empty,
    /// The text is longer than any name may be.
    #[error("a variable's name has at most {NAME_BYTES_MAX} characters")]
    TooLong,
    /// The first character is a digit.
    #[error("a variable's name does not start with a digit")]
    LeadingDigit,
    /// A character is none of letters, digits and `_`.
    #[error("a variable's name has letters, digits and `_` only, not {0:?}")]
    Character(char),
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_letters_digits_and_underscores_and_no_leading_digit() {
        assert_eq!(VariableName::parse("API_KEY2").unwrap().as_str(), "API_KEY2");
        assert_eq!(VariableName::parse(""), Err(VariableFault::Empty));
        assert_eq!(VariableName::parse("2FA"), Err(VariableFault::LeadingDigit));
        assert_eq!(VariableName::parse("A-B"), Err(VariableFault::Character('-')));
        assert_eq!(VariableName::parse("Ä"), Err(VariableFault::Character('Ä')));
        assert_eq!(VariableName::parse(&"A".repeat(129)), Err(VariableFault::TooLong));
    }

    #[test]
    fn names_that_steer_loaders_and_interpreters_are_known() {
        for name in [
            "PATH",
            "LD_PRELOAD",
            "DYLD_X",
            "BASH_ENV",
            "ENV",
            "IFS",
            "PERL5LIB",
            "PYTHONPATH",
            "GIT_SSH",
            "HOME",
        ] {
            assert!(VariableName::parse(name).unwrap().is_steering(), "{name}");
        }
        for name in ["USER", "DB", "API_KEY", "PGPASSWORD", "MY_PATH", "ENVIRONMENT"] {
            assert!(!VariableName::parse(name).unwrap().is_steering(), "{name}");
        }
    }

    #[test]
    fn the_longest_name_is_split_off() {
        let (name, rest) = VariableName::split_off_start("API_KEY-x").unwrap();
        assert_eq!((name.as_str(), rest), ("API_KEY", "-x"));
        assert!(VariableName::split_off_start("{X}").is_none());
        assert!(VariableName::split_off_start("").is_none());
    }
}
