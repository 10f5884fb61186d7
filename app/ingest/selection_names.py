"""What selections are called, and how they read with the sides exchanged: expressions of SQL."""

# Of a home side `h` and an away side `a`. A handicap's line is added to the home side; to the away
# side with the other sign.
SELECTION_NAME = """
CASE {key} WHEN 'home' THEN h.name WHEN 'away' THEN a.name
           WHEN 'home_draw' THEN h.name || ' or draw'
           WHEN 'home_away' THEN h.name || ' or ' || a.name
           WHEN 'draw_away' THEN a.name || ' or draw' ELSE initcap({key}) END
|| CASE WHEN {type} IN ('total', 'home_total', 'away_total') THEN ' ' || trim_scale({line})
        WHEN {type} NOT IN ('handicap', 'handicap_3way', 'set_handicap') THEN ''
        WHEN {key} = 'away' THEN CASE WHEN {line} < 0 THEN ' +' ELSE ' ' END || trim_scale(-{line})
        ELSE CASE WHEN {line} > 0 THEN ' +' ELSE ' ' END || trim_scale({line}) END
"""
# As `app.sports.market.turned_key`.
TURNED_KEY = """
CASE {key} WHEN 'home' THEN 'away' WHEN 'away' THEN 'home'
           WHEN 'home_draw' THEN 'draw_away' WHEN 'draw_away' THEN 'home_draw'
           ELSE CASE WHEN {key} ~ '^[0-9]+-[0-9]+$'
                     THEN split_part({key}, '-', 2) || '-' || split_part({key}, '-', 1)
                     ELSE {key} END END
"""
