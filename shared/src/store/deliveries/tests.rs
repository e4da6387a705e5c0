use super::*;

#[test]
fn pauses_grow_and_the_last_try_is_after_three_days() {
    let notice = Notice::read(include_str!("../../../golden/notices_v2.jsonl").lines().next().unwrap()).unwrap();
    let start = Timestamp::from_millis(1_767_603_600_000);
    let mut delivery = Delivery::fresh(&notice, ("mail", "bob").into(), "", start);
    assert_eq!(delivery.after_failure(start.plus_millis(1_000), false).0, Next::Queue);
    assert_eq!(delivery.after_failure(start, true).0, Next::Nobody);
    let mut now = start.plus_millis(IN_QUEUE_MILLIS);
    let mut tries = 0;
    loop {
        let (next, _, due_at) = delivery.after_failure(now, false);
        if next == Next::Nobody {
            break;
        }
        assert_eq!(next, Next::Index);
        assert!(due_at > now && due_at.millis() - now.millis() <= PAUSE_MILLIS_MAX);
        delivery.tries += 1;
        (now, tries) = (due_at, tries + 1);
    }
    assert_eq!(now, start.plus_millis(TRIED_MILLIS), "the last try is at the end of the time");
    assert!((12..30).contains(&tries), "{tries} tries");
    let asked = Delivery { not_before: Some(start.plus_millis(5_000)), ..delivery.clone() };
    assert_eq!(asked.after_failure(start, false), (Next::Index, Stage::Failed, start.plus_millis(5_000)));
    let too_late = Delivery { not_before: Some(start.plus_millis(2 * TRIED_MILLIS)), ..delivery };
    assert_eq!(too_late.after_failure(start, false).2, start.plus_millis(TRIED_MILLIS));
}

#[test]
fn what_fails_together_comes_back_apart() {
    let notice = Notice::read(include_str!("../../../golden/notices_v2.jsonl").lines().next().unwrap()).unwrap();
    let start = Timestamp::from_millis(1_767_603_600_000);
    let hour = start.plus_hours(1.0);
    let next = |to: &str| Delivery::fresh(&notice, (WEBHOOK, to).into(), "", start).after_failure(hour, false).2.millis() - hour.millis();
    let pauses: std::collections::BTreeSet<i64> = (0..50).map(|n| next(&format!("erp/{n}"))).collect();
    assert!(pauses.len() > 30 && pauses.iter().all(|pause| (48 * 60_000..=60 * 60_000).contains(pause)), "{pauses:?}");
    assert_eq!(next("erp/1"), next("erp/1"), "the same for the same try");
}
