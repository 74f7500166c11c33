-- The oldest program that may work with these tables: the number of the last migration that it must know. A migration that only adds leaves it, so
-- that programs of two releases serve one store while it is upgraded. One that takes away or changes sets it to its own number.
create table compatibility (
  least integer not null
);
insert into compatibility values (23);
