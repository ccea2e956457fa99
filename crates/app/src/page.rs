//! A page: the tools that its front matter lists, and the Markdown that tells an agent what they are for.

use std::collections::BTreeSet;

use crate::admission::{Admitted, NotAllowed, admit};
use crate::command::CommandLine;
use crate::fault::{Fault, FaultLog};
use crate::file_path::FilePath;
use crate::front_matter::{self, Entry, Node, NodeKind};
use crate::risk::warning_about;
use crate::tool::{Tool, read_tools};
use crate::variable::VariableName;

/// A parsed page. Immutable, and cheap to ask: patterns are compiled.
#[derive(Clone, Debug)]
pub struct Page {
    tools: Vec<Tool>,
    variables: BTreeSet<VariableName>,
    title: Option<String>,
    description: Option<String>,
    body: Box<str>,
    warnings: Vec<Fault>,
}

impl Page {
    /// Parses the source of the page `file`. A page without front matter, or without `tools`, is a page without tools.
    ///
    /// # Errors
    /// Every error at once, in the order of the file, each with its line and column.
    pub fn parse(file: &FilePath, source: &str) -> Result<Page, Vec<Fault>> {
        let mut log = FaultLog::new(file.as_str(), source);
        let divided = front_matter::divide(&mut log);
        let body = divided.body.into();
        let mut page = Page {
            tools: Vec::new(),
            variables: BTreeSet::new(),
            title: None,
            description: None,
            body,
            warnings: Vec::new(),
        };
        if let Some((language, start, front)) = divided.front {
            for Entry { key, value, .. } in front_matter::read(&mut log, language, start, front) {
                match key.as_str() {
                    "tools" => page.tools = read_tools(&mut log, language, &value),
                    "env" => page.variables.extend(read_env(&mut log, &value)),
                    "title" => page.title = value.text().map(str::to_owned),
                    "description" => page.description = value.text().map(str::to_owned),
                    _ => {}
                }
            }
        }
        page.variables.extend(page.tools.iter().flat_map(Tool::variables).cloned());
        let mut warnings = log.finish()?;
        warnings.extend(page.tools.iter().filter_map(|tool| warning(file, tool)));
        warnings.sort_by_key(|fault| fault.position);
        Ok(Page { warnings, ..page })
    }

    /// The tools, in the page's order.
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// The Markdown after the front matter.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The front matter's `title`, if it is text.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The front matter's `description`, if it is text.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Whether the page mentions a variable, as `$NAME` in a tool or in the front matter's list `env`: only then may a request set it.
    pub fn mentions(&self, name: &str) -> bool {
        self.variables.contains(name)
    }

    /// The variables that the page mentions, sorted.
    pub fn variables(&self) -> impl Iterator<Item = &VariableName> {
        self.variables.iter()
    }

    /// What the author should know, in the order of the file.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// The tools without `;`, which take any further arguments, flags too.
    pub fn open_to_flags(&self) -> impl Iterator<Item = &Tool> {
        self.tools.iter().filter(|tool| !tool.is_closed())
    }

    /// Finds the first tool, in the page's order, that allows the command. Allocates nothing when one does.
    ///
    /// # Errors
    /// When no tool allows it, with the tool that comes nearest.
    pub fn admit<'p>(&'p self, command: &'p CommandLine) -> Result<Admitted<'p>, NotAllowed> {
        admit(&self.tools, command)
    }
}

fn warning(file: &FilePath, tool: &Tool) -> Option<Fault> {
    let message = warning_about(tool)?;
    Some(Fault {
        file: file.to_string(),
        position: Some(tool.position()),
        message,
        severity: crate::fault::Severity::Warning,
    })
}

fn read_env(log: &mut FaultLog<'_>, list: &Node) -> Vec<VariableName> {
    let items = match &list.kind {
        NodeKind::List(items) => items.as_slice(),
        NodeKind::Null => &[],
        NodeKind::Scalar(_) | NodeKind::Map(_) => {
            log.error(list.offset, format!("`env` must be a list of names, not {}", list.what()));
            &[]
        }
    };
    items.iter().filter_map(|item| read_variable(log, item)).collect()
}

fn read_variable(log: &mut FaultLog<'_>, node: &Node) -> Option<VariableName> {
    let Some(text) = node.text() else {
        log.error(node.offset, format!("`env` lists names of variables, not {}", node.what()));
        return None;
    };
    match VariableName::parse(text) {
        Ok(name) if name.is_steering() => {
            let message =
                format!("`{name}` steers what is run, or is set by the server: a page cannot mention it");
            log.error(node.offset, message);
            None
        }
        Ok(name) => Some(name),
        Err(fault) => {
            log.error(node.offset, fault.to_string());
            None
        }
    }
}

#[cfg(test)]
mod tests;
