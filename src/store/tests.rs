//! The writer's promises: durable before told, failed jobs leave nothing, order of commits is order of events.

mod disk;
mod faults;
mod shared;

use std::sync::{Arc, Mutex};

use redb::backends::InMemoryBackend;

use super::*;
use crate::model::{Audience, Batch, Dispatch, Event, GuildId, MessageId, UnavailableGuild, UserId};

type Told = Arc<Mutex<Vec<Batch>>>;

fn open() -> (Store, Told) {
    let told: Told = Arc::default();
    let heard = told.clone();
    let store = Store::open_with_backend(InMemoryBackend::new(), Options::default())
        .unwrap()
        .start(move |batch| heard.lock().unwrap().push(batch))
        .unwrap();
    (store, told)
}

fn row(name: &str) -> UserRow {
    UserRow { username: name.to_owned(), ..UserRow::default() }
}

fn tell(tx: &mut Tx<'_>, id: u64) {
    let dispatch = Dispatch::GuildDelete(UnavailableGuild { id: GuildId::new(id), unavailable: None });
    tx.emit(Audience::User(UserId::new(id)), dispatch);
}

fn told_ids(told: &Told) -> Vec<u64> {
    let batches = told.lock().unwrap();
    let events = batches.iter().flat_map(|batch| &batch.events);
    events
        .map(|event| match event {
            Event::Dispatch(Audience::User(user), _) => user.get(),
            other => panic!("unexpected {other:?}"),
        })
        .collect()
}

#[tokio::test]
async fn an_answered_write_is_seen_by_the_next_read_and_told_once() {
    let (store, told) = open();
    let id = store
        .write(|tx| -> Result<UserId, StoreError> {
            let id = tx.next_id();
            tx.put::<Users>(&tx.internal(), &id, &row("mira"))?;
            tell(tx, id.get());
            Ok(id)
        })
        .await
        .unwrap();
    let read = store.read(|view| view.get::<Users>(&id)).unwrap();
    assert_eq!(read.unwrap().username, "mira");
    assert_eq!(told_ids(&told), [id.get()]);
}

#[tokio::test]
async fn the_right_of_way_is_held_while_jobs_run_and_not_between_them() {
    let way = Arc::<RightOfWay>::default();
    let options = Options { way: way.clone(), ..Options::default() };
    let store = Store::open_with_backend(InMemoryBackend::new(), options).unwrap().start(|_| ()).unwrap();
    for fails in [false, true] {
        let held = way.clone();
        let answer = store
            .write(move |tx| -> Result<bool, StoreError> {
                tx.put::<Users>(&tx.internal(), &UserId::new(1), &row("mira"))?;
                assert!(!fails, "this job panics on purpose");
                Ok(held.is_taken())
            })
            .await;
        assert!(if fails { matches!(answer, Err(StoreError::Panicked)) } else { matches!(answer, Ok(true)) });
        // It is given back after the answer.
        while way.is_taken() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_job_that_fails_or_panics_after_writing_leaves_nothing_and_its_neighbours_stand() {
    let (store, told) = open();
    let mut waiting = Vec::new();
    for n in 1..=30u64 {
        let store = store.clone();
        waiting.push(tokio::spawn(async move {
            store
                .write(move |tx| -> Result<(), StoreError> {
                    tx.put::<Users>(&tx.internal(), &UserId::new(n), &row("guest"))?;
                    tell(tx, n);
                    assert!(n % 5 != 0, "this job panics on purpose");
                    if n % 3 == 0 { Err(Denied::Hidden.into()) } else { Ok(()) }
                })
                .await
        }));
    }
    for (n, job) in (1..=30u64).zip(waiting) {
        let answer = job.await.unwrap();
        match (n % 5, n % 3) {
            (0, _) => assert!(matches!(answer, Err(StoreError::Panicked)), "{n}: {answer:?}"),
            (_, 0) => assert!(matches!(answer, Err(StoreError::Denied(Denied::Hidden))), "{n}: {answer:?}"),
            _ => assert!(answer.is_ok(), "{n}: {answer:?}"),
        }
    }
    let kept: Vec<u64> = store
        .read(|view| view.list::<Users>(&(), None, Order::Ascending, 100))
        .unwrap()
        .iter()
        .map(|(id, _)| id.get())
        .collect();
    let expected: Vec<u64> = (1..=30).filter(|n| n % 5 != 0 && n % 3 != 0).collect();
    assert_eq!(kept, expected);
    let mut heard = told_ids(&told);
    heard.sort_unstable();
    assert_eq!(heard, expected);
    let commits: Vec<u64> = told.lock().unwrap().iter().map(|batch| batch.commit).collect();
    assert!(commits.windows(2).all(|pair| pair[1] == pair[0] + 1), "{commits:?}");
}

#[tokio::test]
async fn rows_cached_by_the_writer_follow_their_writes() {
    let (store, _) = open();
    let id = UserId::new(1);
    for name in ["first", "second"] {
        let seen = store
            .write(move |tx| -> Result<_, StoreError> {
                tx.put::<Users>(&tx.internal(), &id, &row(name))?;
                Ok(tx.shared::<Users>(&id)?.map(|row| row.username.clone()))
            })
            .await
            .unwrap();
        assert_eq!(seen.as_deref(), Some(name));
    }
    let gone = store
        .write(move |tx| -> Result<_, StoreError> {
            tx.delete::<Users>(&tx.internal(), &id)?;
            Ok(tx.shared::<Users>(&id)?.is_none())
        })
        .await
        .unwrap();
    assert!(gone);
}

#[tokio::test]
async fn ids_rise_through_a_restart_with_the_clock_a_day_behind() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(std::sync::atomic::AtomicU64::new(1_800_000_000_000));
    let mut last = MessageId::new(0);
    for step_ms in [0i64, -86_400_000, 172_800_000, -86_400_000] {
        clock.fetch_add(step_ms as u64, std::sync::atomic::Ordering::SeqCst);
        let read = clock.clone();
        let options = Options {
            clock: Arc::new(move || read.load(std::sync::atomic::Ordering::SeqCst)),
            ..Options::default()
        };
        let store = Store::open(directory.path(), options).unwrap().start(|_| ()).unwrap();
        for _ in 0..3 {
            let id = store
                .write(|tx| -> Result<MessageId, StoreError> {
                    let id = tx.next_id();
                    tx.put::<Users>(&tx.internal(), &id.cast(), &row("x"))?;
                    Ok(id)
                })
                .await
                .unwrap();
            assert!(id > last);
            last = id;
        }
        store.close().unwrap();
    }
}

#[tokio::test]
async fn walks_stop_at_the_prefix_and_run_both_ways() {
    let (store, _) = open();
    let guild = |n| GuildId::new(n);
    store
        .write(move |tx| -> Result<(), StoreError> {
            for (g, m) in [(1, 1), (1, 2), (1, 3), (2, 1), (u64::MAX, 1), (u64::MAX, 2)] {
                tx.put::<Bans>(&tx.internal(), &(guild(g), UserId::new(m)), &BanRow::default())?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let list = |g: u64, from: Option<u64>, order| {
        let from = from.map(|m| (guild(g), UserId::new(m)));
        let rows = store.read(|view| view.list::<Bans>(&guild(g), from.as_ref(), order, 2)).unwrap();
        rows.iter().map(|((_, user), _)| user.get()).collect::<Vec<_>>()
    };
    assert_eq!(list(1, None, Order::Ascending), [1, 2]);
    assert_eq!(list(1, Some(1), Order::Ascending), [2, 3]);
    assert_eq!(list(1, None, Order::Descending), [3, 2]);
    assert_eq!(list(1, Some(2), Order::Descending), [1]);
    assert_eq!(list(1, Some(9), Order::Ascending), [0u64; 0]);
    assert_eq!(list(u64::MAX, None, Order::Descending), [2, 1]);
    assert_eq!(list(3, None, Order::Ascending), [0u64; 0]);
}

#[test]
fn a_newer_file_is_refused_with_both_versions_named() {
    let directory = tempfile::tempdir().unwrap();
    drop(Store::open(directory.path(), Options::default()).unwrap());
    {
        let db = Database::create(directory.path().join(FILE_NAME)).unwrap();
        let txn = db.begin_write().unwrap();
        txn.open_table(tables::ALL[Meta::INDEX])
            .unwrap()
            .insert(SCHEMA.to_owned().to_key().as_slice(), MetaRow::Number(99).to_bytes().as_slice())
            .unwrap();
        txn.commit().unwrap();
    }
    let refused = Store::open(directory.path(), Options::default()).err().unwrap().to_string();
    assert!(refused.contains("schema 99") && refused.contains("up to 1"), "{refused}");
}

struct Tank(Arc<std::sync::atomic::AtomicU64>);
impl SpaceGauge for Tank {
    fn free_bytes(&self) -> std::io::Result<u64> {
        Ok(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
    fn floor_bytes(&self) -> u64 {
        1_000
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_then_deletions_and_lets_both_resume() {
    let free = Arc::new(std::sync::atomic::AtomicU64::new(5_000));
    let options = Options { space: Box::new(Tank(free.clone())), ..Options::default() };
    let store = Store::open_with_backend(InMemoryBackend::new(), options).unwrap().start(|_| ()).unwrap();
    let id = UserId::new(1);
    let write = || {
        store.write(move |tx| -> Result<(), StoreError> { tx.put::<Users>(&tx.internal(), &id, &row("x")) })
    };
    let clean =
        || store.reclaim(move |tx| -> Result<bool, StoreError> { tx.delete::<Users>(&tx.internal(), &id) });
    write().await.unwrap();
    for (free_bytes, may_write, may_delete) in
        [(999, false, true), (499, false, false), (1_100, false, true), (1_250, true, true)]
    {
        free.store(free_bytes, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(write().await.is_ok(), may_write, "write at {free_bytes}");
        assert_eq!(clean().await.is_ok(), may_delete, "delete at {free_bytes}");
        assert!(store.read(|view| view.has::<Meta>(&SCHEMA.to_owned())).unwrap(), "reads go on");
    }
}
