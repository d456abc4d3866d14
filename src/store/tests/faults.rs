//! What the store promises when its disk does not keep up: I-3, I-4 and I-5 of SAFETY.md §2.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::disk::{Disk, Fault, Survivors};
use super::*;
use crate::model::ChannelId;

/// Rounds of the history, each of [`JOBS`] writes at once.
const ROUNDS: u64 = 5;
const JOBS: u64 = 4;
/// Rows of each write: all there, or none.
const ROWS: u64 = 3;
/// Longer than anything waits that should not.
const PATIENCE: Duration = Duration::from_secs(20);

fn start(disk: &Disk) -> Result<(Store, Told), StoreError> {
    let told: Told = Arc::default();
    let heard = told.clone();
    // As much cache as a page: what a commit writes goes to the disk, not into memory that outlives it.
    let options = Options { cache_bytes: 4_096, ..Options::default() };
    let store = Store::open_with_backend(disk.clone(), options)?
        .start(move |batch| heard.lock().unwrap().push(batch))?;
    Ok((store, told))
}

/// One write of the history: a few rows of a size that fills pages, told under the first id of them.
async fn write(store: &Store, channel: ChannelId) -> Result<Vec<MessageId>, StoreError> {
    store
        .write(move |tx| {
            let by = tx.internal();
            let ids: Vec<MessageId> = (0..ROWS).map(|_| tx.next_id()).collect();
            for id in &ids {
                let body = Body::Plain(format!("{} ", ids[0]).repeat(40));
                tx.put::<Messages>(&by, &(channel, *id), &MessageRow { body, ..MessageRow::default() })?;
            }
            tell(tx, ids[0].get());
            Ok(ids)
        })
        .await
}

/// Plays the history until it ends or the disk does; the acknowledged writes come back.
async fn play(store: &Store) -> Vec<(ChannelId, Vec<MessageId>)> {
    let mut kept = Vec::new();
    for _ in 0..ROUNDS {
        let jobs: Vec<_> = (1..=JOBS)
            .map(|n| {
                let (store, channel) = (store.clone(), ChannelId::new(n));
                tokio::spawn(async move { (channel, write(&store, channel).await) })
            })
            .collect();
        for job in jobs {
            let (channel, answer) = job.await.unwrap();
            kept.extend(answer.ok().map(|ids| (channel, ids)));
        }
    }
    kept
}

/// Reopens what a power cut left and compares it with what was promised.
async fn check(image: Vec<u8>, kept: &[(ChannelId, Vec<MessageId>)], told: &[u64]) {
    let (store, _) = start(&Disk::with_image(image)).unwrap();
    let rows = store.read(|view| view.list::<Messages>(&(), None, Order::Ascending, 1_000)).unwrap();
    let there: BTreeSet<(ChannelId, MessageId)> = rows.iter().map(|(key, _)| *key).collect();
    for (channel, ids) in kept {
        assert!(ids.iter().all(|id| there.contains(&(*channel, *id))), "{ids:?} was acknowledged");
    }
    let mut writes = std::collections::BTreeMap::<String, u64>::new();
    for (_, row) in &rows {
        let Body::Plain(text) = &row.body;
        *writes.entry(text.split(' ').next().unwrap().to_owned()).or_default() += 1;
    }
    assert!(
        writes.values().all(|count| *count == ROWS),
        "each write is wholly there or not at all: {writes:?}"
    );
    assert!(told.iter().all(|id| writes.contains_key(&id.to_string())), "what was told is there");
    let newest = there.iter().map(|(_, id)| *id).max();
    let next = write(&store, ChannelId::new(1)).await.unwrap();
    assert!(newest.is_none_or(|newest| newest < next[0]), "ids rise across the restart");
    store.close().unwrap();
}

#[tokio::test]
async fn i3_a_disk_that_ends_at_any_call_loses_nothing_acknowledged() {
    let disk = Disk::default();
    let (store, _) = start(&disk).unwrap();
    let fresh = disk.after_power_cut(Survivors::None);
    let from = disk.calls();
    assert_eq!(play(&store).await.len() as u64, ROUNDS * JOBS);
    let calls = disk.calls() - from;
    drop(store);
    assert!(calls > 50, "the history reaches the disk: {calls} calls");

    let (mut cut_short, mut whole) = (0, 0);
    for n in 0..calls {
        let fault = if n % 2 == 0 { Fault::Fail } else { Fault::Tear };
        let disk = Disk::with_image(fresh.clone());
        let (store, told) = start(&disk).unwrap();
        disk.fail_at(n, fault);
        let kept = play(&store).await;
        if (kept.len() as u64) < ROUNDS * JOBS {
            cut_short += 1;
            let ended = tokio::time::timeout(PATIENCE, store.ended()).await.unwrap();
            assert!(ended.is_some(), "a failed commit stops the server");
            assert!(store.close().is_err());
        } else {
            whole += 1;
        }
        drop(store);
        let told = told_ids(&told);
        let in_turn = if n % 2 == 0 { Survivors::None } else { Survivors::All };
        for survivors in [in_turn, Survivors::Some(n + 1)] {
            let image = disk.after_power_cut(survivors);
            let checked = std::panic::AssertUnwindSafe(check(image, &kept, &told)).catch_unwind().await;
            assert!(checked.is_ok(), "{fault:?} at call {n}, surviving {survivors:?}");
        }
    }
    // Which jobs share a commit differs from run to run, and so does the number of calls.
    assert!(cut_short > calls / 2, "{cut_short} of {calls} histories were cut, {whole} were not");
}

#[tokio::test]
async fn i4_nobody_hears_of_a_write_before_it_is_on_disk() {
    let disk = Disk::default();
    let (store, told) = start(&disk).unwrap();
    make_room(&store).await;
    let told_before = told_ids(&told).len();
    disk.hold_syncs();
    let mut answer = Box::pin(write(&store, ChannelId::new(1)));
    let mut syncs = 0;
    loop {
        assert!(answer.as_mut().now_or_never().is_none(), "answered before sync {syncs}");
        disk.wait_for_held_sync();
        assert!(answer.as_mut().now_or_never().is_none(), "answered before sync {syncs}");
        assert_eq!(told_ids(&told).len(), told_before, "told before sync {syncs}");
        let seen = store.read(|view| view.list::<Messages>(&(), None, Order::Ascending, 1)).unwrap();
        assert!(seen.is_empty(), "read before sync {syncs}");
        disk.let_one_through();
        syncs += 1;
        if syncs == SYNCS_PER_COMMIT {
            break;
        }
    }
    let ids = tokio::time::timeout(PATIENCE, answer).await.unwrap().unwrap();
    assert_eq!(told_ids(&told)[told_before..], [ids[0].get()]);
}

/// Leaves free pages in the file: one that has to grow syncs once more, with its readers waiting.
async fn make_room(store: &Store) {
    let channel = ChannelId::new(2);
    for _ in 0..20 {
        let ids = write(store, channel).await.unwrap();
        let delete = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            ids.iter().try_for_each(|id| tx.delete::<Messages>(&tx.internal(), &(channel, *id)).map(|_| ()))
        };
        store.write(delete).await.unwrap();
    }
}

/// A commit that quick-repairs is a two-phase one: data, then the root that names it.
const SYNCS_PER_COMMIT: u64 = 2;

/// Runs a history of jobs of every way to end, and gives back all rows and all that was told.
async fn rows_and_events(is_rehearsed: bool) -> (Vec<Vec<(Vec<u8>, Vec<u8>)>>, String) {
    let told: Told = Arc::default();
    let heard = told.clone();
    let clock = Arc::new(|| 1_800_000_000_000);
    let options = Options { clock, rehearse: is_rehearsed, ..Options::default() };
    let opened = Store::open_with_backend(InMemoryBackend::new(), options).unwrap();
    let store = opened.start(move |batch| heard.lock().unwrap().push(batch)).unwrap();
    for n in 1..=20u64 {
        let answer = store
            .write(move |tx| -> Result<(), StoreError> {
                let id: UserId = tx.next_id();
                if n % 7 == 0 {
                    return Err(Denied::Hidden.into());
                }
                let was = tx.shared::<Users>(&UserId::new(n % 3))?.map_or(0, |row| row.bio.len());
                tx.put::<Users>(
                    &tx.internal(),
                    &UserId::new(n % 3),
                    &UserRow { bio: "x".repeat(was + 1), ..row("x") },
                )?;
                tx.put::<Users>(&tx.internal(), &id, &row("y"))?;
                tell(tx, id.get());
                assert!(n % 5 != 0, "this job panics on purpose");
                if n % 3 == 0 { Err(Denied::UnknownChannel.into()) } else { Ok(()) }
            })
            .await;
        assert_eq!(answer.is_ok(), n % 7 != 0 && n % 5 != 0 && n % 3 != 0, "{n}");
    }
    let rows = store.read(|view| view.dump()).unwrap();
    let events = format!("{:?}", told.lock().unwrap());
    (rows, events)
}

#[tokio::test]
async fn i5_jobs_run_twice_leave_and_tell_what_one_run_does() {
    let (once, twice) = (rows_and_events(false).await, rows_and_events(true).await);
    assert_eq!(once.1, twice.1);
    // The epoch is random; everything else is the same, down to the ids.
    let differing =
        once.0.iter().flatten().filter(|row| !twice.0.iter().flatten().any(|other| other == *row)).count();
    assert_eq!(differing, 1, "the epoch alone");
    assert_eq!(
        once.0.iter().map(Vec::len).collect::<Vec<_>>(),
        twice.0.iter().map(Vec::len).collect::<Vec<_>>()
    );
}
