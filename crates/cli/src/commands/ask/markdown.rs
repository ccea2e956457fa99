//! A line of Markdown for a terminal: headings and strong words bold, code in a colour. The signs stay, so that what is
//! copied is what was said.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

const STRONG: Style = Style::new().bold();
const CODE: Style = AnsiColor::Green.on_default();

/// The line with styles in it.
pub(super) fn styled(line: &str) -> String {
    let hashes = line.bytes().take_while(|byte| *byte == b'#').count();
    if (1..=6).contains(&hashes) && line.get(hashes..).is_some_and(|rest| rest.starts_with(' ')) {
        return format!("{STRONG}{line}{STRONG:#}");
    }
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, sign, inside, after)) = next(rest) {
        let style = if sign == "`" { CODE } else { STRONG };
        shown.push_str(before);
        let _ = write!(shown, "{style}{sign}{inside}{sign}{style:#}");
        rest = after;
    }
    shown + rest
}

/// The next part between two of the same signs: what stands before, the sign, the part, and what follows.
fn next(text: &str) -> Option<(&str, &'static str, &str, &str)> {
    let candidates = ["`", "**"].into_iter().filter_map(|sign| {
        let (before, rest) = text.split_once(sign)?;
        let (inside, after) = rest.split_once(sign)?;
        (!inside.is_empty()).then_some((before, sign, inside, after))
    });
    candidates.min_by_key(|(before, ..)| before.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_styles_is_added() {
        for line in ["# A *b*", "a **b** `c **d**` e", "`` ``", "**", "a ` b", "#hash"] {
            let plain = anstream::adapter::strip_str(&styled(line)).to_string();
            assert_eq!(plain, line);
        }
        assert_eq!(styled("a **b**"), format!("a {STRONG}**b**{STRONG:#}"));
        assert_eq!(styled("`**`"), format!("{CODE}`**`{CODE:#}"));
    }
}
