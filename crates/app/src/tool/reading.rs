//! From front matter to tools. Whatever is not clearly a tool is a fault; nothing is ever taken for "anything goes".

use std::time::Duration;

use super::{MAX_TIMEOUT, Slot, Tool};
use crate::fault::FaultLog;
use crate::front_matter::{
    Entry, Language, Node, NodeKind, Quoting, Scalar, misread_escape, shown_single_quoted,
};
use crate::literal::Literal;
use crate::pattern::{Pattern, PatternBudget};

/// How many tools a page may have.
const TOOLS_MAX: usize = 256;
/// What ends a tool that takes nothing more.
const END: &str = ";";
/// The keys of the long form.
const LONG_FORM: &str = "`command`, `description` and `timeout`";

/// Reads the list of tools; what is wrong goes to the log.
pub(crate) fn read_tools(log: &mut FaultLog<'_>, language: Language, list: &Node) -> Vec<Tool> {
    let items = match &list.kind {
        NodeKind::List(items) => items,
        NodeKind::Null => return Vec::new(),
        NodeKind::Scalar(_) | NodeKind::Map(_) => {
            log.error(list.offset, format!("`tools` must be a list of tools, not {}", list.what()));
            return Vec::new();
        }
    };
    if let Some(beyond) = items.get(TOOLS_MAX) {
        log.error(beyond.offset, format!("a page has at most {TOOLS_MAX} tools"));
        return Vec::new();
    }
    let mut reader = Reader { log, language, budget: PatternBudget::default() };
    items.iter().filter_map(|item| reader.tool(item)).collect()
}

struct Reader<'l, 's> {
    log: &'l mut FaultLog<'s>,
    language: Language,
    budget: PatternBudget,
}

impl Reader<'_, '_> {
    fn tool(&mut self, node: &Node) -> Option<Tool> {
        match &node.kind {
            NodeKind::List(elements) => self.command(node.offset, elements),
            NodeKind::Map(entries) => self.long_form(node, entries),
            NodeKind::Null | NodeKind::Scalar(_) => {
                let message = format!(
                    "a tool is a list such as [ls, -l], or a mapping with {LONG_FORM}; this is {}",
                    node.what()
                );
                self.log.error(node.offset, message);
                None
            }
        }
    }

    fn long_form(&mut self, node: &Node, entries: &[Entry]) -> Option<Tool> {
        let mut tool = None;
        let mut description = None;
        let mut timeout = None;
        let mut has_command = false;
        for Entry { key, key_offset, value } in entries {
            match key.as_str() {
                "command" => {
                    has_command = true;
                    match &value.kind {
                        NodeKind::List(elements) => tool = self.command(value.offset, elements),
                        NodeKind::Null | NodeKind::Scalar(_) | NodeKind::Map(_) => {
                            let message =
                                format!("`command` must be a list such as [ls, -l], not {}", value.what());
                            self.log.error(value.offset, message);
                        }
                    }
                }
                "description" => match value.text() {
                    Some(text) => description = Some(text.trim().to_owned()),
                    None => self
                        .log
                        .error(value.offset, format!("`description` must be text, not {}", value.what())),
                },
                "timeout" => timeout = self.timeout(value),
                _ => self
                    .log
                    .error(*key_offset, format!("a tool has no key `{key}`; its keys are {LONG_FORM}")),
            }
        }
        if !has_command {
            self.log
                .error(node.offset, format!("the tool has no `command`; the keys of a tool are {LONG_FORM}"));
        }
        let position = self.log.position(node.offset);
        tool.map(|tool| Tool { description, timeout, position, ..tool })
    }

    fn command(&mut self, offset: usize, elements: &[Node]) -> Option<Tool> {
        if elements.is_empty() {
            self.log.error(offset, "the tool is empty; it needs at least a program");
            return None;
        }
        let last = elements.len() - 1;
        let closed = elements.last().and_then(Node::text) == Some(END);
        let mut slots = Vec::with_capacity(elements.len());
        let mut is_whole = true;
        for (index, element) in elements.iter().enumerate() {
            if index == last && index > 0 && closed {
                break;
            }
            match self.slot(index, element) {
                Some(slot) => slots.push(slot),
                None => is_whole = false,
            }
        }
        let position = self.log.position(offset);
        is_whole.then_some(Tool { slots, closed, description: None, timeout: None, position })
    }

    fn slot(&mut self, index: usize, node: &Node) -> Option<Slot> {
        let slot = match &node.kind {
            NodeKind::Scalar(scalar) => self.literal(index, node.offset, scalar).map(Slot::Literal),
            NodeKind::Map(entries) => self.placeholder(entries),
            NodeKind::Null => {
                self.log.error(
                    node.offset,
                    "an element of a tool is empty (null); a word such as `null` goes in quotes",
                );
                None
            }
            NodeKind::List(_) => {
                self.log
                    .error(node.offset, "an element of a tool must be a scalar or a placeholder, not a list");
                None
            }
        }?;
        if index == 0 && !matches!(slot, Slot::Literal(_)) {
            self.log.error(node.offset, "a tool begins with its program, which cannot be a placeholder");
            return None;
        }
        Some(slot)
    }

    fn literal(&mut self, index: usize, offset: usize, scalar: &Scalar) -> Option<Literal> {
        let text = scalar.text.as_str();
        if text == END {
            self.log.error(offset, "`;` can only be the last element of a tool, after its program");
            return None;
        }
        if text.contains('\0') {
            self.log.error(offset, "an argument cannot have a NUL in it");
            return None;
        }
        let literal = Literal::parse(text);
        if index == 0 && text.is_empty() {
            self.log.error(offset, "the tool's program is empty");
            return None;
        }
        if index == 0 && literal.variables().next().is_some() {
            self.log.error(
                offset,
                "the tool's program cannot have a variable in it: whoever sets it would choose the program",
            );
            return None;
        }
        if let Some(name) = literal.variables().find(|name| name.is_steering()) {
            let message =
                format!("`${name}` steers what is run, or is set by the server: a page cannot mention it");
            self.log.error(offset, message);
            return None;
        }
        if text.contains("${") {
            self.log.warning(offset, "`${` is passed on as it is written; a variable is written `$NAME`");
        }
        Some(literal)
    }

    fn placeholder(&mut self, entries: &[Entry]) -> Option<Slot> {
        let mut slot = Some(Slot::Any);
        for Entry { key, key_offset, value } in entries {
            if key == "regex" {
                let pattern = self.pattern(value);
                slot = slot.and(pattern).map(Slot::Fitting);
            } else {
                let message = format!("a placeholder is `{{ }}` or `{{regex: …}}`; it has no key `{key}`");
                self.log.error(*key_offset, message);
                slot = None;
            }
        }
        slot
    }

    fn pattern(&mut self, node: &Node) -> Option<Pattern> {
        let NodeKind::Scalar(scalar) = &node.kind else {
            self.log.error(node.offset, format!("`regex` must be a pattern, not {}", node.what()));
            return None;
        };
        if let Quoting::Escaped(inside) = &scalar.quoting
            && let Some((escaped, meaning)) = misread_escape(inside)
        {
            let shown = shown_single_quoted(inside, self.language == Language::Yaml);
            let message = format!(
                "`\\{escaped}` in double quotes is {meaning}; in single quotes the pattern gets it as written: {shown}"
            );
            self.log.error(node.offset, message);
            return None;
        }
        match Pattern::compile(&scalar.text, &mut self.budget) {
            Ok(pattern) => Some(pattern),
            Err(fault) => {
                self.log.error(node.offset, fault.to_string());
                None
            }
        }
    }

    fn timeout(&mut self, node: &Node) -> Option<Duration> {
        let timeout = node.text().and_then(parse_duration);
        match timeout {
            None => {
                self.log
                    .error(node.offset, "`timeout` must be a number and a unit, such as 500ms, 10s or 2m");
                None
            }
            Some(Duration::ZERO) => {
                self.log.error(node.offset, "`timeout` must be more than nothing");
                None
            }
            Some(timeout) if timeout > MAX_TIMEOUT => {
                self.log.error(node.offset, "`timeout` is at most 10m");
                None
            }
            Some(timeout) => Some(timeout),
        }
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let number: u64 = digits.parse().ok()?;
    match unit.trim_start() {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
}
