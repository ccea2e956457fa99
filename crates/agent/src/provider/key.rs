//! A provider's key.

use zeroize::Zeroizing;

use super::ModelSetupFault;
use super::known::Provider;

/// A provider's key. It has no `Debug` and no `Display`, and is wiped from memory when it is dropped.
pub(super) struct ProviderKey(Zeroizing<String>);

impl ProviderKey {
    /// The value of the first of the provider's variables that has one.
    pub(super) fn find(
        provider: &Provider,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ModelSetupFault> {
        let values = provider.keys.iter().filter_map(|name| variable(name)).map(Zeroizing::new);
        let found = values.map(|value| value.trim().to_owned()).find(|value| !value.is_empty());
        match (found, provider.key_if_none) {
            (Some(value), _) => Ok(Self(Zeroizing::new(value))),
            (None, Some(value)) => Ok(Self(Zeroizing::new(value.to_owned()))),
            (None, None) => Err(ModelSetupFault::NoKey {
                provider: provider.title,
                variables: provider.keys.join(" or "),
            }),
        }
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    /// The text without the key, should a provider repeat it.
    pub(super) fn redacted(&self, text: &str) -> String {
        if self.0.len() < 8 { text.to_owned() } else { text.replace(self.0.as_str(), "…") }
    }
}
