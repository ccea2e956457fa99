//! The providers: their names, their formats, their variables.

use genai::adapter::AdapterKind;

use super::ModelSetupFault;
use crate::chat_model::SchemaDialect;

/// A provider.
#[derive(Debug)]
pub(super) struct Provider {
    /// What people may write before the colon.
    prefixes: &'static [&'static str],
    /// What it is called.
    pub(super) title: &'static str,
    /// Which format it speaks. Always said, never guessed from a model's name.
    pub(super) adapter: AdapterKind,
    /// Where its key is looked for, in this order.
    pub(super) keys: &'static [&'static str],
    /// What is sent in the place of a key that it does not need.
    pub(super) key_if_none: Option<&'static str>,
    /// Where another base URL is looked for.
    bases: &'static [&'static str],
    /// Its base URL.
    base: &'static str,
    /// What providers' own libraries put behind a base URL that does not end with it.
    below: &'static str,
}

const OPENAI_KEYS: &[&str] = &["OPENAI_API_KEY"];
const OPENAI_BASES: &[&str] = &["OPENAI_BASE_URL"];
const OPENAI_BASE: &str = "https://api.openai.com/v1";

static PROVIDERS: [Provider; 9] = [
    Provider {
        prefixes: &["openai", "openai-chat"],
        title: "OpenAI",
        adapter: AdapterKind::OpenAI,
        keys: OPENAI_KEYS,
        key_if_none: None,
        bases: OPENAI_BASES,
        base: OPENAI_BASE,
        below: "",
    },
    Provider {
        prefixes: &["openai-responses"],
        title: "OpenAI",
        adapter: AdapterKind::OpenAIResp,
        keys: OPENAI_KEYS,
        key_if_none: None,
        bases: OPENAI_BASES,
        base: OPENAI_BASE,
        below: "",
    },
    Provider {
        prefixes: &["anthropic"],
        title: "Anthropic",
        adapter: AdapterKind::Anthropic,
        keys: &["ANTHROPIC_API_KEY"],
        key_if_none: None,
        bases: &["ANTHROPIC_BASE_URL"],
        base: "https://api.anthropic.com",
        below: "v1",
    },
    Provider {
        prefixes: &["google", "google-gla", "gemini"],
        title: "Google",
        adapter: AdapterKind::Gemini,
        keys: &["GOOGLE_API_KEY", "GEMINI_API_KEY"],
        key_if_none: None,
        bases: &["GOOGLE_GEMINI_BASE_URL", "GEMINI_BASE_URL"],
        base: "https://generativelanguage.googleapis.com",
        below: "v1beta",
    },
    Provider {
        prefixes: &["mistral"],
        title: "Mistral",
        adapter: AdapterKind::Mistral,
        keys: &["MISTRAL_API_KEY"],
        key_if_none: None,
        bases: &["MISTRAL_BASE_URL"],
        base: "https://api.mistral.ai",
        below: "v1",
    },
    Provider {
        prefixes: &["huggingface"],
        title: "Hugging Face",
        // Its router speaks the format of OpenAI.
        adapter: AdapterKind::OpenAI,
        keys: &["HF_TOKEN", "HUGGINGFACE_API_KEY"],
        key_if_none: None,
        bases: &["HUGGINGFACE_BASE_URL"],
        base: "https://router.huggingface.co/v1",
        below: "",
    },
    Provider {
        prefixes: &["openrouter"],
        title: "OpenRouter",
        adapter: AdapterKind::OpenRouter,
        keys: &["OPENROUTER_API_KEY"],
        key_if_none: None,
        bases: &["OPENROUTER_BASE_URL"],
        base: "https://openrouter.ai/api/v1",
        below: "",
    },
    Provider {
        prefixes: &["ollama"],
        title: "Ollama",
        // Its own format loses the schemas of answers; below `/v1` it speaks that of OpenAI.
        adapter: AdapterKind::OpenAI,
        keys: &["OLLAMA_API_KEY"],
        key_if_none: Some("ollama"),
        bases: &["OLLAMA_BASE_URL"],
        base: "http://localhost:11434",
        below: "v1",
    },
    Provider {
        prefixes: &["groq"],
        title: "Groq",
        adapter: AdapterKind::Groq,
        keys: &["GROQ_API_KEY"],
        key_if_none: None,
        bases: &["GROQ_BASE_URL"],
        base: "https://api.groq.com",
        below: "openai/v1",
    },
];

/// Every environment variable that a provider's key or base URL may come from.
pub fn provider_variables() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().flat_map(|provider| provider.keys.iter().chain(provider.bases)).copied()
}

/// The provider that a prefix means.
pub(super) fn by_name(prefix: &str) -> Option<&'static Provider> {
    let prefix = prefix.trim();
    PROVIDERS.iter().find(|provider| provider.prefixes.iter().any(|known| known.eq_ignore_ascii_case(prefix)))
}

/// All prefixes.
pub(super) fn names() -> String {
    let all = PROVIDERS.iter().flat_map(|provider| provider.prefixes).copied();
    all.collect::<Vec<_>>().join(", ")
}

/// Whether a model of OpenAI thinks before it answers, by its name.
pub(super) fn reasons(model: &str) -> bool {
    ["gpt-5", "gpt-6", "o1", "o3", "o4"].iter().any(|beginning| model.starts_with(beginning))
}

/// Whether it is this very machine.
pub(super) fn is_loopback(base: &str) -> bool {
    toolfront_client::GatewayUrl::parse(base).is_ok_and(|url| url.is_loopback())
}

impl Provider {
    /// Where it is, with a slash at the end.
    pub(super) fn base_url(
        &self,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, ModelSetupFault> {
        let given = self.bases.iter().find_map(|name| {
            let value = variable(name)?;
            (!value.trim().is_empty()).then_some((*name, value))
        });
        let base = match given {
            None => self.base.to_owned(),
            Some((variable, value)) => {
                let url = reqwest::Url::parse(value.trim()).ok();
                let is_http =
                    url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
                if !is_http {
                    return Err(ModelSetupFault::BaseUrl { variable });
                }
                value.trim().to_owned()
            }
        };
        let base = base.trim_end_matches('/');
        if self.below.is_empty() || base.ends_with(&format!("/{}", self.below)) {
            return Ok(format!("{base}/"));
        }
        Ok(format!("{base}/{}/", self.below))
    }

    pub(super) fn is_responses(&self) -> bool {
        self.adapter == AdapterKind::OpenAIResp
    }

    /// Whether its streams may end without saying why: servers that copy chat completions differ. What tells their end is
    /// then the last line, `[DONE]`.
    pub(super) fn is_lenient(&self) -> bool {
        self.is_openai_like() && !self.is_responses()
    }

    pub(super) fn is_openai_like(&self) -> bool {
        !matches!(self.adapter, AdapterKind::Anthropic | AdapterKind::Gemini)
    }

    pub(super) fn dialect(&self) -> SchemaDialect {
        if self.adapter == AdapterKind::Gemini { SchemaDialect::Gemini } else { SchemaDialect::Full }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_taken_as_the_providers_own_libraries_take_them() {
        let base = |prefix: &str, value: Option<&str>| {
            let provider = by_name(prefix).unwrap();
            provider.base_url(&|_| value.map(str::to_owned)).unwrap()
        };
        assert_eq!(base("openai", None), "https://api.openai.com/v1/");
        assert_eq!(base("openai", Some("http://h:1/v1/")), "http://h:1/v1/");
        assert_eq!(base("anthropic", Some("http://h:1")), "http://h:1/v1/");
        assert_eq!(base("anthropic", Some("http://h:1/v1")), "http://h:1/v1/");
        assert_eq!(base("google-gla", Some("http://h:1/")), "http://h:1/v1beta/");
        assert_eq!(base("groq", None), "https://api.groq.com/openai/v1/");
        assert_eq!(base("ollama", None), "http://localhost:11434/v1/");
        assert!(by_name("openai").unwrap().base_url(&|_| Some("nowhere".to_owned())).is_err());
    }

    #[test]
    fn every_prefix_means_one_provider() {
        for prefix in [
            "openai",
            "openai-chat",
            "openai-responses",
            "anthropic",
            "google-gla",
            "google",
            "gemini",
            "mistral",
            "huggingface",
            "openrouter",
            "ollama",
            "groq",
        ] {
            assert!(by_name(prefix).is_some_and(|provider| provider.prefixes.contains(&prefix)), "{prefix}");
        }
        assert!(by_name("gpt-5").is_none());
    }
}
