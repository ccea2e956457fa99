use proptest::prelude::*;

use super::*;

fn text() -> impl Strategy<Value = CString> {
    prop::collection::vec(1_u8.., 0..40).prop_map(|bytes| CString::new(bytes).unwrap())
}

fn texts() -> impl Strategy<Value = Vec<CString>> {
    prop::collection::vec(text(), 0..8)
}

fn order() -> impl Strategy<Value = Order> {
    let places = (text(), text(), text());
    let limits = any::<[u64; 5]>();
    (texts(), texts(), places, any::<[bool; 4]>(), limits).prop_map(
        |(
            argv,
            environment,
            (search_path, directory, release),
            [writable_release, network, tell_start, held],
            limits,
        )| {
            let [memory, processes, open_files, file_size, cpu_seconds] = limits;
            Order {
                argv,
                environment,
                search_path,
                directory,
                release,
                writable_release,
                network,
                memory,
                processes,
                open_files,
                file_size,
                cpu_seconds,
                tell_start,
                held,
            }
        },
    )
}

fn to_slot() -> impl Strategy<Value = ToSlot> {
    prop_oneof![order().prop_map(ToSlot::Run), Just(ToSlot::Go), Just(ToSlot::Terminate), Just(ToSlot::Kill)]
}

fn from_slot() -> impl Strategy<Value = FromSlot> {
    prop_oneof![
        (prop::sample::select(Step::ALL.to_vec()), any::<i32>())
            .prop_map(|(step, errno)| FromSlot::Failed(Failure { step, errno })),
        Just(FromSlot::Started),
        any::<i32>().prop_map(FromSlot::Exited),
        any::<i32>().prop_map(FromSlot::Signalled),
    ]
}

fn to_launcher() -> impl Strategy<Value = ToLauncher> {
    let settings = (texts(), any::<(u32, u32, bool, u64)>()).prop_map(
        |(extra_read, (first_user, user_count, unix_sockets, scratch_bytes))| {
            ToLauncher::Configure(Settings {
                extra_read,
                first_user,
                user_count,
                unix_sockets,
                scratch_bytes,
            })
        },
    );
    prop_oneof![settings, text().prop_map(|private| ToLauncher::OpenSlot { private })]
}

fn offered() -> impl Strategy<Value = Offered> {
    any::<(u32, [bool; 4])>().prop_map(|(landlock_abi, [seccomp, no_new_privs, own_user, namespaces])| {
        Offered { landlock_abi, seccomp, no_new_privs, own_user, namespaces }
    })
}

/// What is read is what was written; what is cut short or has something behind it is nothing.
fn comes_back<M: Message + PartialEq + std::fmt::Debug>(message: &M) {
    let bytes = message.encode();
    assert_eq!(M::decode(&bytes).as_ref(), Ok(message));
    for cut in 0..bytes.len() {
        assert_eq!(M::decode(&bytes[..cut]), Err(Malformed), "cut at {cut}");
    }
    assert_eq!(M::decode(&[bytes, vec![0]].concat()), Err(Malformed));
}

/// Either nothing, or a message whose only form these bytes are.
fn is_read_safely<M: Message + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(message) = M::decode(bytes) {
        assert_eq!(message.encode(), bytes);
    }
}

proptest! {
    #[test]
    fn messages_come_back_as_they_were(a in to_slot(), b in from_slot(), c in to_launcher(), d in offered()) {
        comes_back(&a);
        comes_back(&b);
        comes_back(&c);
        comes_back(&d);
    }

    #[test]
    fn any_bytes_are_read_safely(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        is_read_safely::<ToSlot>(&bytes);
        is_read_safely::<FromSlot>(&bytes);
        is_read_safely::<ToLauncher>(&bytes);
        is_read_safely::<Offered>(&bytes);
    }

    #[test]
    fn messages_with_bytes_changed_are_read_safely(
        message in to_slot(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = message.encode();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        is_read_safely::<ToSlot>(&bytes);
    }
}

#[test]
fn a_length_that_the_bytes_do_not_keep_sets_no_memory_aside() {
    let mut bytes = vec![1];
    bytes.extend(u32::MAX.to_le_bytes());
    assert_eq!(ToSlot::decode(&bytes), Err(Malformed));
}
