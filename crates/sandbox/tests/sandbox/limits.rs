//! Commands that take all they can get.

use std::time::Duration;

use toolfront_sandbox::{CageLimits, Finished};

use crate::workshop::{Workshop, allowed, childless, text};

async fn within(shop: &Workshop, limits: CageLimits, argv: &[&str]) -> Finished {
    let mut run = shop.order(allowed(argv, "10s"));
    run.cage.limits = limits;
    shop.finish(run).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_is_bounded_ended_and_harms_no_other_run() {
    let shop = Workshop::new();
    let limits = CageLimits { processes: 64, ..CageLimits::default() };
    let mut bomb =
        shop.order(allowed(&["bash", "-c", "b() { b | b & }; b; while :; do sleep 1; done"], "2s"));
    bomb.cage.limits = limits;
    let neighbour = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let there = crate::workshop::commands().len();
        assert!((10..=70).contains(&there), "{there} processes");
        let finished = shop.script("echo $(echo still) $(echo works)").await;
        (finished.returncode, text(&finished.stdout.bytes).to_owned())
    };
    let (bombed, neighbour) = tokio::join!(shop.finish(bomb), neighbour);
    assert_eq!(bombed.unwrap().returncode, 124);
    if crate::workshop::is_root() {
        assert_eq!(neighbour, (0, "still works\n".to_owned()));
    }
    childless().await;
    assert_eq!(shop.script("echo $(echo again)").await.returncode, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_that_hops_from_process_to_process_ends_with_its_run() {
    let shop = Workshop::new();
    let finished = shop
        .script(
            "for i in 1 2 3 4; do perl -e 'while (1) { setpgrp; fork and exit }' & done; sleep 0.3; exit 3",
        )
        .await;
    assert_eq!(finished.returncode, 3);
    assert!(crate::workshop::commands().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded() {
    let shop = Workshop::new();
    let limits = CageLimits { memory: 64 << 20, ..CageLimits::default() };
    let small = within(&shop, limits, &["perl", "-e", "my $x = 'x' x (8 << 20); print length $x"]).await;
    assert_eq!((small.returncode, text(&small.stdout.bytes)), (0, "8388608"));
    let bomb =
        within(&shop, limits, &["perl", "-e", "my @x; push @x, 'x' x (1 << 20) while @x < 1000; print 1"])
            .await;
    assert_ne!(bomb.returncode, 0);
    assert_eq!(text(&bomb.stdout.bytes), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_files_are_bounded() {
    let shop = Workshop::new();
    let limits = CageLimits { open_files: 40, ..CageLimits::default() };
    let flood =
        "my @f; while (@f < 1000) { open(my $f, '<', '/dev/null') or last; push @f, $f } print scalar @f";
    let flooded = within(&shop, limits, &["perl", "-e", flood]).await;
    assert_eq!((flooded.returncode, text(&flooded.stdout.bytes)), (0, "37"));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_bounded() {
    let shop = Workshop::new();
    let limits = CageLimits { file_size: 1 << 20, ..CageLimits::default() };
    let script = "head -c 1048576 /dev/zero > $TMPDIR/fits && stat -c %s $TMPDIR/fits";
    let fits = within(&shop, limits, &["sh", "-c", script]).await;
    assert_eq!((fits.returncode, text(&fits.stdout.bytes)), (0, "1048576\n"));
    let script = "head -c 100000000 /dev/zero > $TMPDIR/big; echo $?; stat -c %s $TMPDIR/big";
    let big = within(&shop, limits, &["sh", "-c", script]).await;
    assert_eq!(text(&big.stdout.bytes), "153\n1048576\n");
    assert!(shop.private_files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_is_not_filled_by_many_files_either() {
    if !crate::workshop::is_root() {
        return; // Without mounts of its own a slot can bound each file, not all of them.
    }
    let shop = Workshop::with(|config| config.scratch_bytes = 8 << 20);
    let many =
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do head -c 1000000 /dev/zero > $TMPDIR/$i || exit 9; done";
    let filled = within(&shop, CageLimits::default(), &["sh", "-c", many]).await;
    assert_eq!(filled.returncode, 9);
    let fits =
        within(&shop, CageLimits::default(), &["sh", "-c", "head -c 7000000 /dev/zero > $TMPDIR/1"]).await;
    assert_eq!(fits.returncode, 0, "and the next run has it all for itself");
    let empty = "i=0; while [ $i -lt 5000 ]; do : > $TMPDIR/$i || exit 9; i=$((i + 1)); done";
    assert_ne!(within(&shop, CageLimits::default(), &["sh", "-c", empty]).await.returncode, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn processor_time_is_bounded() {
    let shop = Workshop::new();
    let limits = CageLimits { cpu_seconds: 1, ..CageLimits::default() };
    let spun = within(&shop, limits, &["sh", "-c", "while :; do :; done"]).await;
    assert!(matches!(spun.returncode, 137 | 152), "{spun:?}");
    assert!(!spun.timed_out);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_cannot_be_raised_again() {
    let shop = Workshop::new();
    let finished = shop.script("ulimit -n 4096; ulimit -f unlimited; ulimit -n").await;
    assert!(!text(&finished.stdout.bytes).contains("4096"));
    assert_ne!(finished.stderr.bytes, b"");
}
