//! What readers share of a snapshot is what the snapshot itself has, whatever the writer does meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

const PEOPLE: u64 = 6;
const READERS: usize = 3;
const ROUNDS: u64 = 400;

fn name(n: u64) -> UserRow {
    row(&n.to_string())
}

/// Every person's row, through what is shared as it is and as it is shown, and read anew, in one snapshot.
fn all(view: &View<'_>) -> Result<Vec<[String; 3]>, StoreError> {
    (1..=PEOPLE)
        .map(|id| {
            let id = UserId::new(id);
            let shared = view.shared::<Users>(&id)?.map(|row| row.username.clone()).unwrap_or_default();
            let own = view.get::<Users>(&id)?.map(|row| row.username).unwrap_or_default();
            let shown = view.shared_as::<Users, String>(&id, |row| row.username)?;
            Ok([shared, shown.map(|shown| String::clone(&shown)).unwrap_or_default(), own])
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shared_rows_are_those_of_their_snapshot_while_everything_changes() {
    for rehearse in [false, true] {
        let store =
            Store::open_with_backend(InMemoryBackend::new(), Options { rehearse, ..Options::default() })
                .unwrap()
                .start(|_| ())
                .unwrap();
        let is_over = AtomicBool::new(false);
        let looks = std::thread::scope(|scope| {
            let readers: Vec<_> = (0..READERS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut looks = 0;
                        while !is_over.load(Ordering::Relaxed) {
                            let seen = store.read(all).unwrap();
                            for [shared, shown, own] in &seen {
                                assert_eq!((shared, shown), (own, own), "{seen:?}");
                                assert_eq!(own, &seen[0][2], "everybody is renamed in one commit: {seen:?}");
                            }
                            looks += 1;
                        }
                        looks
                    })
                })
                .collect();
            let write = async {
                for round in 1..=ROUNDS {
                    let renames = round % 3 != 0; // else a commit that leaves the table alone
                    let work = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
                        let by = tx.internal();
                        for id in (1..=PEOPLE).map(UserId::new) {
                            match (renames, round % 50) {
                                (true, 0) => drop(tx.delete::<Users>(&by, &id)?),
                                (true, _) => tx.put::<Users>(&by, &id, &name(round))?,
                                (false, _) => tx.put::<Notes>(&by, &(id, id), &TextRow::default())?,
                            }
                        }
                        Ok(())
                    };
                    store.write(work).await.unwrap();
                    let last = if renames { round } else { round - 1 };
                    let expected = if last % 50 == 0 { String::new() } else { last.to_string() };
                    for seen in store.read(all).unwrap() {
                        assert!(seen.iter().all(|seen| *seen == expected), "{seen:?} after round {round}");
                    }
                }
            };
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(write));
            is_over.store(true, Ordering::Relaxed);
            readers.into_iter().map(|reader| reader.join().unwrap()).sum::<u64>()
        });
        assert!(looks > 0, "the readers had a turn");
    }
}
