-- number: The row's number in the reports: rows of a second file follow those of the first.
(SELECT shift FROM sources WHERE sources.id = source) + row;

-- expires_at: The time when the customer's linkUrl expires. Without a one-time password, it never does.
CASE WHEN instr(link_url, 'otp=') > 0 AND state NOT IN ('failed', 'conflict')
     THEN strftime('%Y-%m-%dT%H:%M:%SZ', link_issued_at, :lifetime) END;

-- shown_link: The customer's linkUrl, unless it must not be handed out.
CASE WHEN state NOT IN ('failed', 'conflict') THEN link_url END;

-- was: The state of the customer at :since if it has changed since, otherwise null.
CASE WHEN :since IS NOT NULL
     THEN (SELECT was FROM changes WHERE customer = seq AND at > :since ORDER BY n LIMIT 1) END;

-- error: The customer's last error. A conflict is stored as a problem, which becomes a sentence here.
CASE WHEN conflict IS NULL THEN error ELSE reasons(conflict) END;

-- is_shown: Whether the customer is in the input, or in Codat, or may be in Codat because an outcome is unknown.
(presence <> 'removed' OR company_id IS NOT NULL OR name_sent IS NOT NULL);
