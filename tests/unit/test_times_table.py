"""Phrases and what they mean, worked out by hand with a calendar, in four places and moments.

Written: ``moment``, ``date``, ``start/end``, ``P…`` for durations, ``by …``, ``RULE from start``.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agentsched.times import Resolved, resolve, say

NEW_YORK = datetime(2026, 3, 4, 10, 20, tzinfo=ZoneInfo("America/New_York"))
"""A Wednesday; clocks go forward on Sunday, 8 March."""
BERLIN = datetime(2026, 3, 27, 16, 45, tzinfo=ZoneInfo("Europe/Berlin"))
"""A Friday near the end of the month; clocks go forward on Sunday, 29 March."""
TOKYO = datetime(2027, 12, 30, 21, 10, tzinfo=ZoneInfo("Asia/Tokyo"))
"""A Thursday evening at the end of the year."""
SYDNEY = datetime(2028, 2, 27, 8, 0, tzinfo=ZoneInfo("Australia/Sydney"))
"""A Sunday in a leap year; clocks go back on Sunday, 2 April."""


def brief(value: Resolved) -> str:
    match value.kind:
        case "duration":
            return length(value.duration)
        case "deadline":
            return f"by {point(value.due)}"
        case "recurrence":
            first = point(value.start) + (f"/{point(value.end)}" if value.end else "")
            return f"{value.rrule} from {first}"
        case "range":
            end = value.end
            wanted = ""
            if value.duration and end is not None and value.start is not None:
                wanted = (
                    "" if value.duration == end - value.start else length(value.duration) + " in "
                )
            return f"{wanted}{point(value.start)}/{point(end) if end else ''}"
        case _:
            wanted = f"{length(value.duration)} on " if value.duration else ""
            return wanted + point(value.start)


def point(moment: date | None) -> str:
    if isinstance(moment, datetime):
        return f"{moment:%Y-%m-%dT%H:%M}"
    return str(moment)


def length(delta: timedelta | None) -> str:
    assert delta is not None
    return f"P{int(delta.total_seconds() // 60)}"


IN_NEW_YORK = {
    # points
    "today at 5": "2026-03-04T17:00",
    "today at 9": "2026-03-04T21:00",
    "at 3": "2026-03-04T15:00",
    "this Friday": "2026-03-06",
    "next Friday at 2": "2026-03-13T14:00",
    "coming Monday at 10am": "2026-03-09T10:00",
    "Friday week at 11": "2026-03-13T11:00",
    "the Tuesday after next at 3": "2026-03-17T15:00",
    "Wednesday at 4pm": "2026-03-11T16:00",
    "last Monday": "2026-03-02",
    "a fortnight from tomorrow": "2026-03-19",
    "in a couple of hours": "2026-03-04T12:20",
    "in 2 weeks on Thursday at 9am": "2026-03-19T09:00",
    "in three days at noon": "2026-03-07T12:00",
    "in half an hour": "2026-03-04T10:50",
    "in a quarter of an hour": "2026-03-04T10:35",
    "two days before March 20": "2026-03-18",
    "the day after Easter at 10am": "2026-04-06T10:00",
    "the Monday after Thanksgiving": "2026-11-30",
    "3 Fridays from now": "2026-03-20",
    "an hour before noon tomorrow": "2026-03-05T11:00",
    "ten to five on Thursday": "2026-03-05T16:50",
    "twenty past eleven tomorrow": "2026-03-05T11:20",
    "seven thirty pm on Saturday": "2026-03-07T19:30",
    "nine o'clock tomorrow": "2026-03-05T09:00",
    "tomorrow at 1530": "2026-03-05T15:30",
    "tomorrow at 15h30": "2026-03-05T15:30",
    "6:30pm Thursday": "2026-03-05T18:30",
    "noon on the 20th": "2026-03-20T12:00",
    "Sat 14 March, 7pm": "2026-03-14T19:00",
    "March 3": "2027-03-03",
    "3/12": "2026-03-12",
    "3/12/2027 at 9am": "2027-03-12T09:00",
    "2026/04/01": "2026-04-01",
    "20260310T090000": "2026-03-10T09:00",
    "the first of April at 8:30": "2026-04-01T08:30",
    "the 31st": "2026-03-31",
    "20th of next month": "2026-04-20",
    "second Tuesday of April at 10": "2026-04-14T10:00",
    "last Thursday of next month": "2026-04-30",
    "first business day of April": "2026-04-01",
    "10 business days from now": "2026-03-18",
    "two business days before March 20": "2026-03-18",
    "Tuesday the 10th at 4": "2026-03-10T16:00",
    "Friday 13": "2026-03-13",
    "first thing Monday morning": "2026-03-09T09:00",
    "Christmas Eve at 6pm": "2026-12-24T18:00",
    "4ish tomorrow": "2026-03-05T16:00",
    "around 4 on Friday": "2026-03-06T16:00",
    "Friday about 9": "2026-03-06T09:00",
    "this time next month": "2026-04-04T10:20",
    "this time on Thursday": "2026-03-05T10:20",
    "by this time next week": "by 2026-03-11T10:20",
    "two weeks on Tuesday": "2026-03-24",
    "Monday fortnight": "2026-03-23",
    "day after next Friday": "2026-03-14",
    "9:30am in Singapore": "2026-03-05T09:30",
    "the evening before Easter": "2026-04-04T18:00/2026-04-04T22:00",
    "Monday to Thursday at 10": "FREQ=DAILY;COUNT=4 from 2026-03-09T10:00",
    "from Tuesday to Thursday at noon": "2026-03-10T00:00/2026-03-12T12:00",
    "the first half of May": "2026-05-01/2026-05-16",
    "second half of next month": "2026-04-16/2026-05-01",
    "the second half of the year": "2026-07-01/2027-01-01",
    "first half of next week": "2026-03-09/2026-03-13",
    # what repeats, and what it leaves out
    "every day but Sunday": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA from 2026-03-04",
    "every weekday except Wednesday 9 to 10":
        "FREQ=WEEKLY;BYDAY=MO,TU,TH,FR from 2026-03-05T09:00/2026-03-05T10:00",
    "last working day of every month for 6 months":
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=6 from 2026-03-31",
    "every Monday in May and June": "FREQ=WEEKLY;BYDAY=MO;UNTIL=20260630 from 2026-05-04",
    "every weekday for the next three weeks":
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=15 from 2026-03-04",
    "every Friday for the next two months":
        "FREQ=WEEKLY;BYDAY=FR;UNTIL=20260505 from 2026-03-06",
    "every hour at quarter past": "FREQ=HOURLY;BYMINUTE=15 from 2026-03-04T11:15",
    "every hour at :45 between 14 and 16":
        "FREQ=DAILY;BYHOUR=14,15;BYMINUTE=45 from 2026-03-04T14:45",
    "every 2 hours starting tomorrow": "FREQ=HOURLY;INTERVAL=2 from 2026-03-05T00:00",
    "every Christmas at noon": "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=25 from 2026-12-25T12:00",
    "every Thanksgiving": "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH from 2026-11-26",
    "every first of the month": "FREQ=MONTHLY;BYMONTHDAY=1 from 2026-04-01",
    "every weekday 9-5 in April":
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20260430T130000Z"
        " from 2026-04-01T09:00/2026-04-01T17:00",
    "every Monday 6-7pm starting March 16":
        "FREQ=WEEKLY;BYDAY=MO from 2026-03-16T18:00/2026-03-16T19:00",
    "every day 9-10 next week":
        "FREQ=DAILY;UNTIL=20260315T130000Z from 2026-03-09T09:00/2026-03-09T10:00",
    "at 9 and 17 daily until June 30":
        "FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0;UNTIL=20260630T210000Z from 2026-03-05T09:00",
    "every hour from 9am to noon on weekdays":
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9,10,11,12;BYMINUTE=0 from 2026-03-05T09:00",
    "every hour on weekdays": "FREQ=HOURLY;BYDAY=MO,TU,WE,TH,FR from 2026-03-04T10:20",
    "every 20 minutes until 5pm":
        "FREQ=MINUTELY;INTERVAL=20;UNTIL=20260304T220000Z from 2026-03-04T10:20",
    "every 10 minutes from 2pm to 3pm":
        "FREQ=MINUTELY;INTERVAL=10;BYHOUR=14 from 2026-03-04T14:00",
    "every 30 minutes from 9am to 10am tomorrow":
        "FREQ=MINUTELY;INTERVAL=30;BYHOUR=9;UNTIL=20260305T145900Z from 2026-03-05T09:00",
    "every 2 hours for the next 3 days":
        "FREQ=HOURLY;INTERVAL=2;UNTIL=20260307T152000Z from 2026-03-04T10:20",
    "end of every quarter": "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1 from 2026-03-31",
    "end of each week at 4pm": "FREQ=WEEKLY;BYDAY=FR from 2026-03-06T16:00",
    "every Tuesday starting the first week of April": "FREQ=WEEKLY;BYDAY=TU from 2026-04-07",
    "weekdays from the beginning of April": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR from 2026-04-01",
    "the next 3 Tuesdays at 4": "FREQ=WEEKLY;BYDAY=TU;COUNT=3 from 2026-03-10T16:00",
    "every 2nd and 4th Tuesday": "FREQ=MONTHLY;BYDAY=2TU,4TU from 2026-03-10",
    "alternate Fridays at 3": "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR from 2026-03-06T15:00",
    "weeknights at 8": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR from 2026-03-04T20:00",
    "three times daily": "FREQ=DAILY;BYHOUR=9,11,14;BYMINUTE=0 from 2026-03-05T09:00",
    "twice weekly": "FREQ=WEEKLY;BYDAY=TU,TH from 2026-03-05",
    "this coming weekend": "2026-03-07/2026-03-09",
    "all weekend": "2026-03-07/2026-03-09",
    "20 to 8 tomorrow morning": "2026-03-05T07:40",
    "2026-W12": "2026-03-16/2026-03-23",
    "H2 2026": "2026-07-01/2027-01-01",
    "31 March 23:59 AoE": "2026-03-31T23:59",
    "every January and July on the 1st":
        "FREQ=YEARLY;BYMONTH=1,7;BYMONTHDAY=1 from 2026-07-01",
    "every December on the last Friday": "FREQ=YEARLY;BYMONTH=12;BYDAY=-1FR from 2026-12-25",
    "every April 5 and October 5": "FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=5 from 2026-04-05",
    "first working day after Easter": "2026-04-06",
    "the last business day before March 20": "2026-03-19",
    "the workday after next Friday": "2026-03-16",
    "on day 15 of every other month": "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=15 from 2026-03-15",
    "on or before March 20": "by 2026-03-20",
    "on or after March 20": "2026-03-20/",
    "Monday at the earliest": "2026-03-09/",
    "last thing on Friday": "2026-03-06T17:00",
    "two weekends from now": "2026-03-14/2026-03-16",
    "the weekend of March 21": "2026-03-21/2026-03-23",
    # shares, bounds, zones after the day
    "the last two days of March": "2026-03-30/2026-04-01",
    "last 3 business days of the month": "2026-03-27/2026-04-01",
    "the first two weeks of May": "2026-05-01/2026-05-15",
    "as soon as possible but no later than Friday": "by 2026-03-06",
    "Thursday at the latest by 3pm": "by 2026-03-05T15:00",
    "3pm tomorrow PST": "2026-03-05T15:00",
    "EOD Friday PST": "2026-03-06T17:00",
    # days and longer
    "next month": "2026-04-01/2026-05-01",
    "this quarter": "2026-01-01/2026-04-01",
    "Q3": "2026-07-01/2026-10-01",
    "Q1 2027": "2027-01-01/2027-04-01",
    "week 15": "2026-04-06/2026-04-13",
    "the week of April 15": "2026-04-13/2026-04-20",
    "the week after next": "2026-03-16/2026-03-23",
    "next weekend": "2026-03-14/2026-03-16",
    "rest of the week": "2026-03-04/2026-03-09",
    "early next week": "2026-03-09/2026-03-11",
    "mid-April": "2026-04-11/2026-04-21",
    "end of the quarter": "2026-03-31",
    "end of next week": "2026-03-13",
    "Wednesday of next week at 3": "2026-03-11T15:00",
    "the next three days": "2026-03-05/2026-03-08",
    # ranges
    "3-4:30pm tomorrow": "2026-03-05T15:00/2026-03-05T16:30",
    "11-1 on Friday": "2026-03-06T11:00/2026-03-06T13:00",
    "from 9 to 5 tomorrow": "2026-03-05T09:00/2026-03-05T17:00",
    "noon to 2pm on Friday": "2026-03-06T12:00/2026-03-06T14:00",
    "10pm Thursday to 2am Friday": "2026-03-05T22:00/2026-03-06T02:00",
    "Friday 22:00-01:30": "2026-03-06T22:00/2026-03-07T01:30",
    "Monday 9am to Tuesday 5pm": "2026-03-09T09:00/2026-03-10T17:00",
    "July 13-15": "2026-07-13/2026-07-16",
    "from the 9th to the 13th": "2026-03-09/2026-03-14",
    "March 30 - April 2": "2026-03-30/2026-04-03",
    "December 28 to January 3": "2026-12-28/2027-01-04",
    "26 June to 28 June 2027": "2027-06-26/2027-06-29",
    "Thursday between 1 and 3": "2026-03-05T13:00/2026-03-05T15:00",
    "after 2pm but before 4pm tomorrow": "2026-03-05T14:00/2026-03-05T16:00",
    "from now until 5pm": "2026-03-04T10:20/2026-03-04T17:00",
    "after 3pm tomorrow": "2026-03-05T15:00/",
    "after March 15": "2026-03-16/",
    "from Monday on": "2026-03-09/",
    "tomorrow evening": "2026-03-05T18:00/2026-03-05T22:00",
    "late Friday afternoon": "2026-03-06T14:30/2026-03-06T17:00",
    "early tomorrow morning": "2026-03-05T06:00/2026-03-05T09:00",
    "1 hour tomorrow between 2 and 5pm": "P60 in 2026-03-05T14:00/2026-03-05T17:00",
    "3 days starting Monday": "2026-03-09/2026-03-12",
    "for 3 business days from Thursday": "2026-03-05/2026-03-10",
    "two weeks starting April 6": "2026-04-06/2026-04-20",
    "tomorrow at 9 for an hour and a half": "2026-03-05T09:00/2026-03-05T10:30",
    "90 minutes on Friday at 2pm": "2026-03-06T14:00/2026-03-06T15:30",
    "30 minutes tomorrow": "P30 on 2026-03-05",
    # durations
    "three quarters of an hour": "P45",
    "1h 15m": "P75",
    "two and a half hours": "P150",
    "½ hour": "P30",
    "a day and a half": "P2160",
    "2 weeks": "P20160",
    # deadlines
    "by EOW": "by 2026-03-06",
    "by end of month": "by 2026-03-31",
    "by COB Friday": "by 2026-03-06T17:00",
    "before Friday": "by 2026-03-06T00:00",
    "by noon tomorrow": "by 2026-03-05T12:00",
    "within 2 hours": "by 2026-03-04T12:20",
    "due next Friday": "by 2026-03-13",
    "until Friday 6pm": "by 2026-03-06T18:00",
    "no later than end of day on the 20th": "by 2026-03-20T17:00",
    "by midnight on Friday": "by 2026-03-07T00:00",
    # repeats
    "every Tuesday": "FREQ=WEEKLY;BYDAY=TU from 2026-03-10",
    "every 2nd Tuesday at 10": "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU from 2026-03-10T10:00",
    "every second Tuesday of the month": "FREQ=MONTHLY;BYDAY=2TU from 2026-03-10",
    "first and third Tuesday of every month at 2pm":
        "FREQ=MONTHLY;BYDAY=1TU,3TU from 2026-03-17T14:00",
    "the first Monday of each quarter": "FREQ=MONTHLY;INTERVAL=3;BYDAY=1MO from 2026-04-06",
    "last working day of every month":
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1 from 2026-03-31",
    "last day of every month": "FREQ=MONTHLY;BYMONTHDAY=-1 from 2026-03-31",
    "the 1st and 15th of every month": "FREQ=MONTHLY;BYMONTHDAY=1,15 from 2026-03-15",
    "monthly on the first Monday at 9": "FREQ=MONTHLY;BYDAY=1MO from 2026-04-06T09:00",
    "every weekday except Wednesday at 9":
        "FREQ=WEEKLY;BYDAY=MO,TU,TH,FR from 2026-03-05T09:00",
    "every day but not on Sundays": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA from 2026-03-04",
    "daily at 9am and 5pm": "FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0 from 2026-03-05T09:00",
    "twice a week": "FREQ=WEEKLY;BYDAY=TU,TH from 2026-03-05",
    "every other day": "FREQ=DAILY;INTERVAL=2 from 2026-03-04",
    "every other week on Monday": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO from 2026-03-09",
    "biweekly on Mondays": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO from 2026-03-09",
    "annually on March 3": "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=3 from 2027-03-03",
    "every year on the first Monday of September":
        "FREQ=YEARLY;BYMONTH=9;BYDAY=1MO from 2026-09-07",
    "Mondays, Wednesdays and Fridays 9-10am":
        "FREQ=WEEKLY;BYDAY=MO,WE,FR from 2026-03-06T09:00/2026-03-06T10:00",
    "MWF at 9": "FREQ=WEEKLY;BYDAY=MO,WE,FR from 2026-03-06T09:00",
    "TTh 2-3:30pm": "FREQ=WEEKLY;BYDAY=TU,TH from 2026-03-05T14:00/2026-03-05T15:30",
    "Mon-Fri 9-5":
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR from 2026-03-05T09:00/2026-03-05T17:00",
    "March 9 to March 11, 9 to 5": "FREQ=DAILY;COUNT=3 from 2026-03-09T09:00/2026-03-09T17:00",
    "Tuesday and Thursday at 4pm": "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=2 from 2026-03-05T16:00",
    "every Friday at midnight": "FREQ=WEEKLY;BYDAY=SA from 2026-03-07T00:00",
    "weekday mornings":
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR from 2026-03-05T09:00/2026-03-05T12:00",
    "weekends at 10": "FREQ=WEEKLY;BYDAY=SA,SU from 2026-03-07T10:00",
    "every Monday at 9 until the end of June":
        "FREQ=WEEKLY;BYDAY=MO;UNTIL=20260630T130000Z from 2026-03-09T09:00",
    "every Monday at 9 through June":
        "FREQ=WEEKLY;BYDAY=MO;UNTIL=20260630T130000Z from 2026-03-09T09:00",
    "every Monday until June": "FREQ=WEEKLY;BYDAY=MO;UNTIL=20260531 from 2026-03-09",
    "every other Friday for 6 weeks": "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR;COUNT=3 from 2026-03-06",
    "every Monday and Wednesday for 6 weeks":
        "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=12 from 2026-03-04",
    "every day at 8 for 10 days": "FREQ=DAILY;COUNT=10 from 2026-03-05T08:00",
    "every quarter for two years": "FREQ=MONTHLY;INTERVAL=3;COUNT=8 from 2026-03-04",
    "every Wednesday at noon, 8 times": "FREQ=WEEKLY;BYDAY=WE;COUNT=8 from 2026-03-04T12:00",
    "every Tuesday in April": "FREQ=WEEKLY;BYDAY=TU;UNTIL=20260430 from 2026-04-07",
    "every day next week at 9": "FREQ=DAILY;UNTIL=20260315T130000Z from 2026-03-09T09:00",
    "every Thursday starting April 2": "FREQ=WEEKLY;BYDAY=TH from 2026-04-02",
    "every 3 weeks on Friday at 1pm for 90 minutes":
        "FREQ=WEEKLY;INTERVAL=3;BYDAY=FR from 2026-03-06T13:00/2026-03-06T14:30",
    "every 10 minutes for an hour": "FREQ=MINUTELY;INTERVAL=10;COUNT=6 from 2026-03-04T10:20",
    # 8 March has no 02:30: the series begins a week later
    "every Sunday at 2:30am": "FREQ=WEEKLY;BYDAY=SU from 2026-03-15T02:30",
    # in sentences
    "Dinner with Ana Friday at 7": "2026-03-06T19:00",
    "Move my dentist appointment to March 18 at 9": "2026-03-18T09:00",
    "Can we do Tuesday or Wednesday at 3?": "2026-03-10T15:00",
    "Weekly 1:1 with Ana Thursday at 3pm": "FREQ=WEEKLY;BYDAY=TH from 2026-03-05T15:00",
    "Send the weekly report by Friday": "by 2026-03-06",
    "daily standup at 9:15 for 15 minutes starting next Monday":
        "FREQ=DAILY from 2026-03-09T09:15/2026-03-09T09:30",
    "Block 2 hours for deep work tomorrow morning":
        "P120 in 2026-03-05T09:00/2026-03-05T12:00",
}  # fmt: skip

IN_BERLIN = {
    "at 5": "2026-03-27T17:00",
    "3/12": "2026-12-03",
    "24.12. at 18:00": "2026-12-24T18:00",
    "14.-15.4.2026": "2026-04-14/2026-04-16",
    "31.3.2026 14:30": "2026-03-31T14:30",
    "tomorrow": "2026-03-28",
    "Monday at 9": "2026-03-30T09:00",
    # Friday of the week that begins on 30 March
    "next Friday": "2026-04-03",
    "in 2 days at 3am": "2026-03-29T03:00",
    # Saturday 16:45 and 24 true hours: clocks have gone forward
    "in 48 hours": "2026-03-29T17:45",
    "two days from now": "2026-03-29",
    "by EOD": "by 2026-03-27T17:00",
    "end of the month": "2026-03-31",
    "in a month": "2026-04-27",
    "last workday of the month": "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1 from 2026-03-31",
    "3 business days from now": "2026-04-01",
    "Saturday 23:00 to Sunday 04:00": "2026-03-28T23:00/2026-03-29T04:00",
    "tomorrow 3pm PST": "2026-03-28T15:00",
    "every Sunday at 2:30": "FREQ=WEEKLY;BYDAY=SU from 2026-03-29T14:30",
    "every day at 02:30": "FREQ=DAILY from 2026-03-28T02:30",
    "week 36": "2026-08-31/2026-09-07",
    "Good Friday": "2026-04-03",
    "Easter Monday at 11": "2026-04-06T11:00",
    "the last Sunday of October at 1am": "2026-10-25T01:00",
}

IN_TOKYO = {
    "tomorrow at 10": "2027-12-31T10:00",
    "at 11": "2027-12-30T23:00",
    "tonight": "2027-12-30T18:00/2027-12-31T00:00",
    "January 2": "2028-01-02",
    "in 3 days": "2028-01-02",
    "next year": "2028-01-01/2029-01-01",
    "next quarter": "2028-01-01/2028-04-01",
    "next month": "2028-01-01/2028-02-01",
    "New Year's Eve at 23:30": "2027-12-31T23:30",
    "end of the year": "2027-12-31",
    "by the end of next week": "by 2028-01-07",
    "every Friday at 6pm": "FREQ=WEEKLY;BYDAY=FR from 2027-12-31T18:00",
    "Monday to Wednesday": "2028-01-03/2028-01-06",
    "Dec 31 to Jan 2": "2027-12-31/2028-01-03",
    "9am New York time on Monday": "2028-01-03T09:00",
    "5th of January, 9:00-10:00 UTC": "2028-01-05T09:00/2028-01-05T10:00",
    "every weekday at 8:30 until January 14":
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20280113T233000Z from 2027-12-31T08:30",
}  # fmt: skip

IN_SYDNEY = {
    "Feb 29": "2028-02-29",
    "the 30th": "2028-03-30",
    "in 2 days": "2028-02-29",
    "a year from Tuesday": "2029-02-28",
    "end of the month": "2028-02-29",
    "last day of February at 5pm": "2028-02-29T17:00",
    "Monday": "2028-02-28",
    "next Monday": "2028-02-28",
    "this week": "2028-02-21/2028-02-28",
    "next week": "2028-02-28/2028-03-06",
    "every year on February 29": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29 from 2028-02-29",
    "2 April at 2:30am": "2028-04-02T02:30",
    "1 to 3 March": "2028-03-01/2028-03-04",
    "4/3": "2028-03-04",
    "tomorrow 9am London time": "2028-02-28T09:00",
}

ROWS = [
    pytest.param(now, phrase, meaning, id=f"{place}: {phrase}")
    for place, now, table in (
        ("New York", NEW_YORK, IN_NEW_YORK), ("Berlin", BERLIN, IN_BERLIN),
        ("Tokyo", TOKYO, IN_TOKYO), ("Sydney", SYDNEY, IN_SYDNEY),
    )
    for phrase, meaning in table.items()
]  # fmt: skip


@pytest.mark.parametrize(("now", "phrase", "meaning"), ROWS)
def test_a_phrase_means_what_a_reader_takes_it_for(
    now: datetime, phrase: str, meaning: str
) -> None:
    zone = now.tzinfo
    assert isinstance(zone, ZoneInfo)
    value = resolve(phrase, now, zone)
    assert brief(value) == meaning
    assert say(value) == value.text() != ""


@pytest.mark.parametrize(
    ("phrase", "zone"),
    [("3pm tomorrow PST", "America/Los_Angeles"), ("9am Monday CET", "Europe/Berlin"),
     ("3pm tomorrow in Paris", "Europe/Paris"),
     ("tomorrow at 3 for 30 minutes in Berlin", "Europe/Berlin"),
     ("9:30am in Singapore", "Asia/Singapore"), ("3pm tomorrow west wing", "America/New_York")],
)  # fmt: skip
def test_a_zone_may_follow_the_day(phrase: str, zone: str) -> None:
    assert str(resolve(phrase, NEW_YORK, ZoneInfo("America/New_York")).zone) == zone
