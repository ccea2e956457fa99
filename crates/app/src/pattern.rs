//! A pattern that one argument must fit from its start.

use regex::{Regex, RegexBuilder};
use thiserror::Error;

/// The longest pattern that is taken, in bytes.
const PATTERN_BYTES_MAX: usize = 4096;
/// How deep groups and classes of a pattern may nest.
const NEST_MAX: u32 = 50;
/// Sizes at which compilation is tried, in bytes of the compiled program: a small pattern is charged little.
/// (`^[\w.-]{1,64}$` takes 4 MiB, since `\w` is all of Unicode.)
const SIZE_STEPS: [usize; 4] = [16 << 10, 128 << 10, 1 << 20, 8 << 20];
/// What the patterns of one page may take together, compiled.
const PAGE_BYTES_MAX: usize = 32 << 20;
/// What matching may hold in its cache, in bytes.
const CACHE_BYTES_MAX: usize = 1 << 20;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Compiles a pattern as its author wrote it: nothing is put around it, so nothing in it (comments under `(?x)`, an
    /// unbalanced parenthesis) can undo what is around it.
    pub(crate) fn compile(source: &str, budget: &mut PatternBudget) -> Result<Pattern, PatternFault> {
        if source.len() > PATTERN_BYTES_MAX {
            return Err(PatternFault::TooLong);
        }
        for size in SIZE_STEPS {
            if size > budget.bytes_left {
                return Err(PatternFault::PageTooBig);
            }
            let compiled = RegexBuilder::new(source)
                .size_limit(size)
                .dfa_size_limit(CACHE_BYTES_MAX)
                .nest_limit(NEST_MAX)
                .build();
            match compiled {
                Ok(regex) => {
                    budget.bytes_left -= size;
                    return Ok(Pattern { regex });
                }
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(fault) => return Err(PatternFault::Syntax(last_line(&fault.to_string()))),
            }
        }
        // To find this out took as much work as to compile it.
        budget.bytes_left =
            budget.bytes_left.saturating_sub(SIZE_STEPS.into_iter().max().unwrap_or_default());
        Err(PatternFault::TooBig)
    }

    /// The pattern as written.
    pub(crate) fn source(&self) -> &str {
        self.regex.as_str()
    }

    /// Whether the pattern matches `argument` from its first byte on, not necessarily to its end.
    pub(crate) fn fits(&self, argument: &str) -> bool {
        // The leftmost match is what `find` yields: if any match starts at 0, this one does.
        self.regex.find(argument).is_some_and(|found| found.start() == 0)
    }
}

/// What the patterns of one page may still take.
#[derive(Debug)]
pub(crate) struct PatternBudget {
    bytes_left: usize,
}

impl Default for PatternBudget {
    fn default() -> Self {
        PatternBudget { bytes_left: PAGE_BYTES_MAX }
    }
}

/// Why a pattern is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum PatternFault {
    #[error("the pattern does not compile: {0}")]
    Syntax(String),
    #[error("the pattern is longer than {PATTERN_BYTES_MAX} bytes")]
    TooLong,
    #[error(
        "the pattern grows too big when compiled: use smaller counts, or ASCII classes such as [0-9A-Za-z_] for \\w"
    )]
    TooBig,
    #[error("the patterns of this page grow too big together: split the page")]
    PageTooBig,
}

/// The engine explains itself over several lines, the reason last.
fn last_line(explanation: &str) -> String {
    let last = explanation.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(explanation).trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(source: &str) -> Result<Pattern, PatternFault> {
        Pattern::compile(source, &mut PatternBudget::default())
    }

    fn fits(source: &str, argument: &str) -> bool {
        compile(source).unwrap().fits(argument)
    }

    #[test]
    fn a_pattern_matches_from_the_start_and_not_to_the_end() {
        assert!(fits("SELECT", "SELECT 1"));
        assert!(!fits("SELECT", "DROP; SELECT 1"));
        assert!(!fits("a$", "ab"));
        assert!(fits("b|a", "ab"));
        assert!(fits("", "anything"));
    }

    #[test]
    fn a_dollar_is_the_very_end() {
        assert!(fits("a$", "a"));
        assert!(!fits("a$", "a\n"));
    }

    #[test]
    fn flags_inside_a_pattern_do_not_let_it_start_later() {
        assert!(!fits("(?m)^b$", "a\nb"));
        assert!(!fits("(?x) b # a comment", "ab"));
        assert!(fits("(?x) b # a comment", "bc"));
        assert!(!fits("(?s-u:x)", "ax"));
    }

    #[test]
    fn a_pattern_cannot_close_what_is_around_it() {
        assert!(matches!(compile("a)|(?:b"), Err(PatternFault::Syntax(_))));
    }

    #[test]
    fn look_around_and_back_references_are_refused_with_the_reason() {
        let fault = compile("(?=a)b").unwrap_err().to_string();
        assert!(fault.contains("look-around"), "{fault}");
        assert!(!fault.contains('\n'));
        assert!(compile(r"(a)\1").unwrap_err().to_string().contains("backreferences"));
    }

    #[test]
    fn a_pattern_that_grows_too_big_is_refused() {
        assert_eq!(compile(r"\pL{1000}").unwrap_err(), PatternFault::TooBig);
        assert_eq!(compile(&"a".repeat(5000)).unwrap_err(), PatternFault::TooLong);
        assert!(compile(r"^[\w.-]{1,64}$").is_ok());
    }

    #[test]
    fn the_patterns_of_a_page_share_a_budget() {
        let mut budget = PatternBudget::default();
        let refused = (0..4000).find_map(|_| Pattern::compile("a", &mut budget).err());
        assert_eq!(refused, Some(PatternFault::PageTooBig));
    }

    #[test]
    fn a_pattern_that_grew_too_big_is_charged_too() {
        let mut budget = PatternBudget::default();
        let faults: Vec<_> =
            (0..5).filter_map(|_| Pattern::compile(r"\pL{1000}", &mut budget).err()).collect();
        assert_eq!((faults.len(), faults.last()), (5, Some(&PatternFault::PageTooBig)));
    }
}
