# For the examples that train on digits, after ../example.mk: what they compile and where the digits are.

DIGITS_SOURCES := ../digits/digits.c ../digits/digits.h

DIGITS := $(BUILD)/examples/digits/digits.csv

# In scikit-learn's package, of which nothing is installed. Its wheels are for one Python each, but the file is the same in all.
$(DIGITS).gz:
	@$(call fetch,scikit-learn,09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22,sklearn/datasets/data/digits.csv.gz)
$(DIGITS): $(DIGITS).gz
	@gzip -dc $< > $@.part && mv $@.part $@
