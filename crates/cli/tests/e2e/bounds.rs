//! What commands may take, through the real gateway: its own limits, and what happens at them.

use serde_json::json;

use crate::caged::{Caged, is_running};
use crate::server::sleeping_as;

#[test]
fn the_limits_of_the_gateways_configuration_hold_for_all_commands_and_bound_those_of_environments() {
    let caged = Caged::start_with(
        "[limits]\nrun_memory_bytes_max = 67108864\nrun_file_bytes_max = 8192\nrun_open_files_max = 40\n\
         run_cpu_time_max = '9s'\nrun_processes_max = 20\n",
    );
    let script = "ulimit -d; ulimit -f; ulimit -n; ulimit -t";
    assert_eq!(caged.can(script), "65536\n16\n40\n9\n");
    caged.patch(&json!({ "limits": { "open_files": 20, "processes": 20 } }));
    assert_eq!(caged.can(script), "65536\n16\n20\n9\n");
    let more = json!({ "limits": { "processes": 21, "cpu_seconds": 10 } }).to_string();
    let refused = caged.server.send("PATCH", "/api/v1/environments/app", &caged.admin, &more);
    assert_eq!((refused.status, refused.json()["errors"].as_array().unwrap().len()), (422, 2));
    let processes = caged.can("bash -c 'ulimit -u'");
    assert_eq!(processes, "20\n");
}

#[test]
fn a_command_for_which_there_is_no_process_left_is_answered_as_one_to_try_again() {
    // One user for all commands, which has other processes: more than it may have.
    let first = 1_500_000_000 + std::process::id();
    let caged = Caged::start_with(&format!("[sandbox]\nfirst_user = {first}\nusers = 1\n"));
    let run = || caged.server.run_tool("app", &caged.token, &["sh", "-c", "exec echo begun"]);
    if caged.can("id -u") != format!("{first}\n") {
        // Without root commands run as the gateway's own user, whose processes are counted together beforehand.
        return;
    }
    caged.patch(&json!({ "limits": { "processes": 1 } }));
    assert_eq!(run().json()["stdout"], "begun\n");
    let mut others = [(); 2].map(|()| sleeping_as(first));
    let refused = run();
    for other in &mut others {
        other.kill().unwrap();
        other.wait().unwrap();
    }
    assert_eq!((refused.status, &refused.json()["type"]), (503, &json!("/problems/unavailable")));
    assert!(refused.head.to_lowercase().contains("retry-after: 1"), "{}", refused.head);
    assert!(refused.json()["detail"].as_str().unwrap().contains("for want of processes"), "{}", refused.body);
    assert_eq!(run().json()["stdout"], "begun\n");
}

#[test]
fn many_small_files_do_not_fill_the_disk_either() {
    let caged = Caged::start();
    if caged.can("id -u") == format!("{}\n", rustix::process::getuid().as_raw()) {
        // Without root the private directory is no file system of its own: the threat model says so.
        return;
    }
    let script = "cd $TMPDIR; head -c 20000000 /dev/zero > 0 || exit 5; i=1; while [ $i -lt 60 ]; do \
                  head -c 20000000 /dev/zero > $i || exit 6; i=$((i + 1)); done; exit 7";
    assert_eq!(caged.shell(script)["returncode"], 6);
    // The next command has it all again.
    assert_eq!(caged.can("head -c 20000000 /dev/zero > $TMPDIR/0 && ls $TMPDIR"), "0\n");
}

#[test]
fn nothing_that_a_command_started_outlives_its_timeout() {
    let caged = Caged::start();
    caged.patch(&json!({ "limits": { "timeout_seconds": 1 } }));
    let spans = ["31.080411", "31.080412", "31.080413", "31.080414"];
    // A child, a session of its own, a double fork, and one that takes no notice of SIGTERM.
    let reply = caged.shell(&format!(
        "trap '' TERM; sleep {} & setsid sleep {} & (setsid sh -c 'setsid sleep {} &' &); echo begun; sleep {}",
        spans[0], spans[1], spans[2], spans[3]
    ));
    assert_eq!((&reply["timed_out"], &reply["stdout"]), (&true.into(), &"begun\n".into()), "{reply}");
    for span in spans {
        let is_gone = (0..200).any(|_| {
            let gone = !is_running(span);
            if !gone {
                std::thread::sleep(std::time::Duration::from_millis(25));
            }
            gone
        });
        assert!(is_gone, "sleep {span} outlives its run");
    }
}
