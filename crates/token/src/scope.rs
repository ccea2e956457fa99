//! What kind of thing a token may do.

use std::fmt;

/// A scope, each containing the ones before it: `read < execute < admin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Reading applications and their metadata.
    Read,
    /// All of `Read`, and running the tools that pages declare.
    Execute,
    /// All of `Execute`, and administration.
    Admin,
}

/// A word that is none of the three scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such scope: the scopes are read, execute and admin")]
pub struct UnknownScope;

impl Scope {
    /// All scopes, the least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Execute, Self::Admin];

    /// Reads `execute` or `environments:execute`.
    ///
    /// # Errors
    /// [`UnknownScope`] for any other word.
    pub fn parse(text: &str) -> Result<Self, UnknownScope> {
        let word = text.strip_prefix("environments:").unwrap_or(text);
        Self::ALL.into_iter().find(|scope| scope.word() == word).ok_or(UnknownScope)
    }

    /// The short form, as people write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Execute => "execute",
            Self::Admin => "admin",
        }
    }

    /// The form on the wire, such as `environments:execute`.
    pub fn wire(self) -> &'static str {
        match self {
            Self::Read => "environments:read",
            Self::Execute => "environments:execute",
            Self::Admin => "environments:admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_nothing_else() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.word()), Ok(scope));
            assert_eq!(Scope::parse(scope.wire()), Ok(scope));
        }
        for word in ["", "Read", "write", "environments:", "environments:environments:read", "read ", "*"] {
            assert_eq!(Scope::parse(word), Err(UnknownScope), "{word:?}");
        }
    }
}
