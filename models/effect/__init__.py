"""Did it help me? What a person began, or their sessions, beside the days without: one person, one question at a time.

`question` says what is asked, `questions` finds it in what the person noted, `answer` answers one. A question that
cannot be answered says why, and what would make it answerable: that is a full answer.
"""
