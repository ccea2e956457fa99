//! The contexts in memory.

use std::collections::BTreeMap;

use crate::failure::Failure;
use crate::key_text::KeyText;

/// A gateway that was logged in to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    /// Where the gateway is.
    pub(crate) api_url: String,
    /// The token to call it with.
    pub(crate) api_key: Option<KeyText>,
    /// The organization that is meant.
    pub(crate) org_id: Option<String>,
    /// What another version wrote.
    pub(crate) others: toml::Table,
}

/// All contexts, and which one counts.
#[derive(Debug, Default)]
pub(crate) struct Contexts {
    /// The one that counts when none is named.
    pub(crate) current: Option<String>,
    pub(super) by_name: BTreeMap<String, Context>,
    pub(super) others: toml::Table,
    warning: Option<String>,
}

impl Contexts {
    /// The context that is named, else the current one.
    ///
    /// # Errors
    /// When there is none of that name.
    pub(crate) fn chosen(&self, named: Option<&str>) -> Result<Option<(&str, &Context)>, Failure> {
        let Some(name) = named.or(self.current.as_deref()) else { return Ok(None) };
        self.named(name).map(Some)
    }

    /// The context of this name.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn named(&self, name: &str) -> Result<(&str, &Context), Failure> {
        let found = self.by_name.get_key_value(name).map(|(name, context)| (name.as_str(), context));
        found.ok_or_else(|| self.missing(name))
    }

    /// All, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Context)> {
        self.by_name.iter().map(|(name, context)| (name.as_str(), context))
    }

    /// Puts a context into the place of the one with this name, or adds it. What another version wrote into it is kept.
    pub(crate) fn set(&mut self, name: &str, context: Context) {
        let others = self.by_name.remove(name).map(|before| before.others).unwrap_or_default();
        self.by_name.insert(name.to_owned(), Context { others, ..context });
    }

    /// Takes a context away; when it was the current one, none is.
    ///
    /// # Errors
    /// When there is none of that name.
    pub(crate) fn remove(&mut self, name: &str) -> Result<(), Failure> {
        if self.by_name.remove(name).is_none() {
            return Err(self.missing(name));
        }
        self.current.take_if(|current| current == name);
        Ok(())
    }

    /// What the person should know about the file.
    pub(crate) fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    pub(super) fn warn(&mut self, warning: String) {
        self.warning = Some(warning);
    }

    pub(super) fn has_keys(&self) -> bool {
        self.by_name.values().any(|context| context.api_key.is_some())
    }

    fn missing(&self, name: &str) -> Failure {
        let names: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
        let known = if names.is_empty() { "there are none yet".to_owned() } else { names.join(", ") };
        Failure::wrong_use(format!(
            "there is no context {name} (known: {known}); `toolfront login URL` makes one"
        ))
    }
}
