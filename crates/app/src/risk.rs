//! Programs whose arguments can make them run other programs: tools that leave their arguments open deserve a warning.

use crate::tool::{Slot, Tool};

/// How a program can be made to run another.
enum Risk {
    /// By a flag, such as this one, wherever it stands.
    Flag(&'static str),
    /// It runs what its first argument that is no flag says: code, a script, another program.
    Code,
}

use Risk::{Code, Flag};

/// Programs by their name, without directory and version.
const RISKS: &[(&str, Risk)] = &[
    ("find", Flag("-exec")),
    ("fd", Flag("--exec=sh")),
    ("git", Flag("--upload-pack=sh")),
    ("hg", Flag("--config=alias.x=!sh")),
    ("tar", Flag("--to-command=sh")),
    ("bsdtar", Flag("--use-compress-program=sh")),
    ("zip", Flag("--unzip-command=sh")),
    ("ssh", Flag("-oProxyCommand=sh")),
    ("scp", Flag("-oProxyCommand=sh")),
    ("sftp", Flag("-oProxyCommand=sh")),
    ("rsync", Flag("--rsh=sh")),
    ("sort", Flag("--compress-program=sh")),
    ("split", Flag("--filter=sh")),
    ("rg", Flag("--pre=sh")),
    ("make", Flag("--eval=x")),
    ("man", Flag("--pager=sh")),
    ("psql", Flag("--command=x")),
    ("sqlite3", Flag("-cmd")),
    ("mysql", Flag("--pager=sh")),
    ("curl", Flag("--config=x")),
    ("wget", Flag("--use-askpass=x")),
    ("docker", Flag("--privileged")),
    ("tcpdump", Flag("-zsh")),
    ("vim", Flag("-c")),
    ("vi", Flag("-c")),
    ("less", Flag("+!sh")),
    ("awk", Code),
    ("gawk", Code),
    ("mawk", Code),
    ("nawk", Code),
    ("sed", Code),
    ("sh", Code),
    ("ash", Code),
    ("bash", Code),
    ("dash", Code),
    ("fish", Code),
    ("ksh", Code),
    ("zsh", Code),
    ("busybox", Code),
    ("python", Code),
    ("pypy", Code),
    ("uv", Code),
    ("perl", Code),
    ("ruby", Code),
    ("node", Code),
    ("nodejs", Code),
    ("deno", Code),
    ("bun", Code),
    ("npx", Code),
    ("npm", Code),
    ("php", Code),
    ("lua", Code),
    ("luajit", Code),
    ("tclsh", Code),
    ("expect", Code),
    ("Rscript", Code),
    ("osascript", Code),
    ("env", Code),
    ("xargs", Code),
    ("parallel", Code),
    ("nice", Code),
    ("nohup", Code),
    ("setsid", Code),
    ("stdbuf", Code),
    ("strace", Code),
    ("sudo", Code),
    ("doas", Code),
    ("su", Code),
    ("chroot", Code),
    ("unshare", Code),
    ("timeout", Code),
    ("time", Code),
    ("watch", Code),
    ("flock", Code),
];

/// Code and names of scripts such as an agent might send; a pattern that takes none of them is narrow enough.
const CODE: &[&str] =
    &["x", "sh", "script.sh", "./script", "1e sh", "s/x/sh/e", "BEGIN{system(\"sh\")}", "import os", "a; b"];

/// What is worth a warning about a tool, if anything.
pub(crate) fn warning_about(tool: &Tool) -> Option<String> {
    let name = program_name(tool.program());
    let (_, risk) = RISKS.iter().find(|(program, _)| *program == name)?;
    match risk {
        Flag(example) if !tool.is_closed() => Some(format!(
            "`{name}` runs other programs when its flags say so (`{example}`), and this tool takes further arguments: end it with `;`"
        )),
        Flag(example) if takes(tool, example) => Some(format!(
            "`{name}` runs other programs when its flags say so, and a pattern of this tool takes a flag such as `{example}`"
        )),
        Code if leaves_code_open(tool) => Some(format!(
            "`{name}` runs what its arguments say, and this tool lets the agent say it: write the script's name or text as a literal"
        )),
        Flag(_) | Code => None,
    }
}

/// The name without directory, and without the version that interpreters carry (`python3.12`).
fn program_name(program: &str) -> &str {
    let name = program.rsplit('/').next().unwrap_or(program);
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let is_versioned = stem.len() < name.len() && RISKS.iter().any(|(known, _)| *known == stem);
    if is_versioned && !RISKS.iter().any(|(known, _)| *known == name) { stem } else { name }
}

fn takes(tool: &Tool, flag: &str) -> bool {
    tool.slots().iter().any(|slot| match slot {
        Slot::Fitting(pattern) => pattern.fits(flag),
        Slot::Literal(_) | Slot::Any => false,
    })
}

/// Whether the agent's arguments come before the first literal that is no flag.
fn leaves_code_open(tool: &Tool) -> bool {
    for slot in tool.slots().iter().skip(1) {
        match slot {
            Slot::Literal(literal) if literal.written().starts_with('-') => {}
            Slot::Literal(_) => return false,
            Slot::Fitting(pattern) if !CODE.iter().any(|code| pattern.fits(code)) => return false,
            Slot::Any | Slot::Fitting(_) => return true,
        }
    }
    !tool.is_closed()
}

#[cfg(test)]
mod tests {
    use crate::{FilePath, Page};

    fn warnings(tool: &str) -> usize {
        let source = format!("---\ntools: [{tool}]\n---\n");
        Page::parse(&FilePath::parse("a.md").unwrap(), &source).unwrap().warnings().len()
    }

    #[test]
    fn open_tools_of_programs_that_run_others_are_warned_about() {
        for tool in [
            "[find, .]",
            "[git, log]",
            "[/usr/bin/tar, -tf, { }]",
            "[ssh, host]",
            "[awk, { }, file]",
            "[python3.12]",
        ] {
            assert_eq!(warnings(tool), 1, "{tool}");
        }
    }

    #[test]
    fn closed_tools_are_not_warned_about_unless_a_pattern_takes_a_flag_or_code_is_open() {
        for tool in [
            "[find, ., -name, { }, ;]",
            "[python3, report.py, { }]",
            "[awk, '{print $1}', { }]",
            "[ls]",
            "[cat, { }]",
            "[sed, -n, {regex: '^[0-9]+,[0-9]+p$'}, { }, ;]",
        ] {
            assert_eq!(warnings(tool), 0, "{tool}");
        }
        for tool in ["[find, ., {regex: .*}, ;]", "[bash, -c, { }, ;]", "[sh, {regex: '.*\\.sh$'}, ;]"] {
            assert_eq!(warnings(tool), 1, "{tool}");
        }
    }
}
