-- Ends what a user was given before: whoever changes role, tier, password, switches the user off or
-- logs it out everywhere, by whatever way, need not think of the tokens that are out.
CREATE OR REPLACE FUNCTION user_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.role, NEW.tier, NEW.disabled_at, NEW.password_changed_at, NEW.logged_out_at)
            IS NOT DISTINCT FROM
            (OLD.role, OLD.tier, OLD.disabled_at, OLD.password_changed_at, OLD.logged_out_at) THEN
            RETURN NEW;
        END IF;
        NEW.generation := OLD.generation + 1;
    END IF;
    -- A day is the longest an access token may be good; an hour more for clocks and late readers.
    INSERT INTO revocations (kind, subject, generation, expires_at)
    VALUES (
        'user',
        OLD.id::text,
        CASE TG_OP WHEN 'DELETE' THEN 9223372036854775807 ELSE OLD.generation + 1 END,
        now() + interval '25 hours'
    );
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
