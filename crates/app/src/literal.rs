//! A literal of a tool: text that an agent sends as it is written, in which the server puts values once, in one pass.

use crate::variable::VariableName;

/// A literal as its author wrote it, with its variables known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    written: Box<str>,
    /// Empty when what runs is what is written.
    parts: Box<[Part]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Variable(VariableName),
}

impl Literal {
    /// Reads `$NAME` (the longest name) as a variable and `$$` as a `$`; a `$` before anything else is a `$`.
    pub(crate) fn parse(written: &str) -> Literal {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = written;
        while let Some((before, after)) = rest.split_once('$') {
            text.push_str(before);
            if let Some(after_both) = after.strip_prefix('$') {
                text.push('$');
                rest = after_both;
            } else if let Some((name, after_name)) = VariableName::split_off_start(after) {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text).into()));
                }
                parts.push(Part::Variable(name));
                rest = after_name;
            } else {
                text.push('$');
                rest = after;
            }
        }
        text.push_str(rest);
        if parts.is_empty() && text == written {
            return Literal { written: written.into(), parts: Box::default() };
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.into()));
        }
        Literal { written: written.into(), parts: parts.into() }
    }

    pub(crate) fn written(&self) -> &str {
        &self.written
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = &VariableName> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Variable(name) => Some(name),
        })
    }

    /// The text that runs; the error is the first variable without a value.
    pub(crate) fn expand<'v>(
        &'v self,
        values: &dyn Fn(&VariableName) -> Option<&'v str>,
    ) -> Result<String, &'v VariableName> {
        if self.parts.is_empty() {
            return Ok(self.written.to_string());
        }
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => Ok(text.as_ref()),
            Part::Variable(name) => values(name).ok_or(name),
        });
        // Put together at once: a text that grows leaves copies of values behind.
        Ok(parts.collect::<Result<Vec<&str>, _>>()?.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(written: &str) -> Result<String, String> {
        let values = |name: &VariableName| match name.as_str() {
            "A" => Some("1"),
            "AB" => Some("$A$$"),
            _ => None,
        };
        Literal::parse(written).expand(&values).map_err(ToString::to_string)
    }

    #[test]
    fn variables_are_expanded_anywhere_in_a_literal() {
        assert_eq!(expand("Bearer $A!"), Ok("Bearer 1!".to_owned()));
        assert_eq!(expand("$A$A"), Ok("11".to_owned()));
    }

    #[test]
    fn a_doubled_dollar_is_one_dollar() {
        assert_eq!(expand("$$A"), Ok("$A".to_owned()));
        assert_eq!(expand("$$$A"), Ok("$1".to_owned()));
        assert_eq!(expand("$$"), Ok("$".to_owned()));
    }

    #[test]
    fn a_dollar_before_anything_else_is_itself() {
        for text in ["$", "cost: 5$", "$5", "$(ls)", "${A}", "^a$"] {
            assert_eq!(expand(text), Ok(text.to_owned()));
        }
    }

    #[test]
    fn values_are_not_expanded_again() {
        assert_eq!(expand("$AB"), Ok("$A$$".to_owned()));
    }

    #[test]
    fn a_variable_without_a_value_is_named() {
        assert_eq!(expand("$A-$MISSING"), Err("MISSING".to_owned()));
    }
}
